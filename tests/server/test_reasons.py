"""Reasons: a job's failure says what an RPC's error would say."""

import pytest

from shortlist.core.errors import SettingInvalid, TrainingDiverged
from shortlist.server import errors
from shortlist.server.reasons import BUG_TEXT, REASONS, failure_of
from shortlist.server.rpc.errors import CODES


def test_every_reason_has_a_status_code() -> None:
    """But for the end of a training that no call waits for, and draining, which is a state."""
    assert set(REASONS.values()) - {"TRAINING_DIVERGED"} == set(CODES) - {"DRAINING"}


@pytest.mark.parametrize(
    ("error", "reason", "metadata"),
    [
        (
            errors.DataSourceInvalid("bad", file="f", row=3),
            "DATA_INVALID",
            {"file": "f", "row": "3"},
        ),
        (errors.ModelExists("taken", model="m"), "MODEL_EXISTS", {"model": "m"}),
        (errors.MemoryExceeded("large", needed_bytes=5), "MEMORY", {"needed_bytes": "5"}),
        (errors.PathNotAllowed("/etc"), "PATH_NOT_ALLOWED", {"path": "/etc"}),
        (TrainingDiverged("nan"), "TRAINING_DIVERGED", {}),
        (MemoryError(), "MEMORY", {}),
        (
            *(SettingInvalid("dim", 0, "1 to 9"), "FIELD_INVALID"),
            {"field": "dim", "found": "0", "allowed": "1 to 9"},
        ),
    ],
)
def test_a_known_error_keeps_its_facts(
    error: Exception, reason: str, metadata: dict[str, str]
) -> None:
    failure = failure_of(error)
    assert (failure.reason, failure.metadata) == (reason, metadata)
    assert failure.message


def test_an_unknown_error_says_nothing_in_public() -> None:
    failure = failure_of(KeyError("secret"))
    assert (failure.reason, failure.message, failure.metadata) == ("BUG", BUG_TEXT, {})
