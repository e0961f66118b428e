"""Both clients where a call fails: what is tried again, how often, and what is raised."""

import asyncio
import socket

import grpc
import pytest

from shortlist.client import (
    AsyncShortlist,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Shortlist,
    ShortlistClientError,
    Unavailable,
)
from shortlist.client import errors as client_errors
from shortlist.v1 import model_service_pb2 as models_pb2
from tests.client.training_jobs import FAST, job
from tests.recorded_server import RecordedServer, refusal

Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.INVALID_ARGUMENT, InvalidArgument),
        (Code.NOT_FOUND, NotFound),
        (Code.FAILED_PRECONDITION, FailedPrecondition),
        (Code.ALREADY_EXISTS, client_errors.AlreadyExists),
        (Code.RESOURCE_EXHAUSTED, client_errors.ResourceExhausted),
        (Code.PERMISSION_DENIED, client_errors.PermissionDenied),
        (Code.DATA_LOSS, client_errors.DataLoss),
        (Code.INTERNAL, client_errors.Internal),
        (Code.OUT_OF_RANGE, ShortlistClientError),
    ],
)
def test_an_error_carries_the_servers_details_and_is_not_tried_again(
    recorded: RecordedServer, code: grpc.StatusCode, kind: type[ShortlistClientError]
) -> None:
    recorded.will_answer("Retrieve", refusal(code, "WHY", field="query.user", retry_s=0.25))
    with Shortlist(recorded.target) as shortlist, pytest.raises(ShortlistClientError) as caught:
        shortlist.retrieve(user="42")
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.reason, error.metadata) == (code.name, "WHY", {"key": "value"})
    assert error.field_violations[0].field == "query.user"
    assert error.retry_after_s == pytest.approx(0.25)
    assert len(recorded.requests) == 1


def test_an_unavailable_server_is_tried_again_a_bounded_number_of_times(
    recorded: RecordedServer,
) -> None:
    recorded.will_answer("Retrieve", refusal(Code.UNAVAILABLE, "LOADING"))
    with (
        Shortlist(recorded.target, retries=FAST) as shortlist,
        pytest.raises(Unavailable) as caught,
    ):
        shortlist.retrieve(user="42")
    assert caught.value.reason == "LOADING"
    assert len(recorded.requests) == 3


def test_a_call_that_is_not_repeatable_is_made_once(recorded: RecordedServer) -> None:
    """A second delete would answer NOT_FOUND for what the first one did."""
    recorded.will_answer("DeleteModel", refusal(Code.UNAVAILABLE))
    recorded.will_answer("Train", refusal(Code.UNAVAILABLE))
    with Shortlist(recorded.target, retries=FAST) as shortlist:
        for call in (
            lambda: shortlist.delete_model("m"),
            lambda: shortlist.start_training("events.csv"),
        ):
            with pytest.raises(Unavailable):
                call()
    assert len(recorded.requests) == 2


def test_a_call_ends_at_its_deadline() -> None:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        client = Shortlist(target, timeout_s=0.2, retries=FAST)
        with client as shortlist, pytest.raises(DeadlineExceeded):
            shortlist.retrieve(user="42")


def test_a_broken_watch_is_attached_again(recorded: RecordedServer) -> None:
    running, done = job(models_pb2.JOB_STATE_RUNNING), job(models_pb2.JOB_STATE_SUCCEEDED)
    broken = [running, refusal(Code.UNAVAILABLE, "DRAINING")]
    recorded.will_answer("WatchTrainingJob", broken, [done])
    with Shortlist(recorded.target, retries=FAST) as shortlist:
        assert [state.state for state in shortlist.watch("j")] == ["running", "succeeded"]

    async def watch() -> list[str]:
        async with AsyncShortlist(recorded.target, retries=FAST) as shortlist:
            return [state.state async for state in shortlist.watch("j")]

    recorded.will_answer("WatchTrainingJob", broken, [done])
    assert asyncio.run(watch()) == ["running", "succeeded"]


def test_a_broken_export_is_gone_on_with(recorded: RecordedServer) -> None:
    half, whole = (
        models_pb2.ExportProgress(export_id="x", row_count=rows, total_row_count=4)
        for rows in (2, 4)
    )
    broken = [half, refusal(Code.UNAVAILABLE, "DRAINING")]
    recorded.will_answer("ExportCandidates", broken, [half, whole])
    with Shortlist(recorded.target, retries=FAST, catalog="pins") as shortlist:
        rows = [one.row_count for one in shortlist.export_candidates("items", count=7)]
        with pytest.raises(ValueError, match="'users', 'items'"):
            shortlist.export_candidates("persons")
    assert rows == [2, 2, 4]
    sent = recorded.asked("ExportCandidates")
    assert [(one.catalog, one.kind, one.count) for one in sent] == [("pins", 2, 7)] * 2

    async def export() -> list[int]:
        async with AsyncShortlist(recorded.target, retries=FAST) as shortlist:
            return [one.row_count async for one in shortlist.export_candidates()]

    recorded.will_answer("ExportCandidates", broken, [half, whole])
    assert asyncio.run(export()) == [2, 2, 4]
