"""ExportCandidates over a real socket: a process of its own, its progress, its failures."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from pyarrow import parquet

from shortlist.client import Shortlist
from shortlist.server.domain.exporting import ExportRequest
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.export_messages import export_request_from_proto
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.published import publish
from tests.server.rpc.sockets import Connection, connected, refusal_of, settings_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    settings = settings_for(tmp_path_factory.mktemp("served"))
    publish(settings.data.dir, "a", alias="live")
    publish(settings.data.dir, "popular", dim=0)
    with connected(settings) as connection:
        yield connection


def test_an_export_streams_its_progress_and_leaves_its_files(served: Connection) -> None:
    request = m.ExportCandidatesRequest(kind=m.EXPORT_KIND_ITEMS, count=3)
    *_, last = served.models.ExportCandidates(request)
    assert (last.export_id, last.model, last.row_count) == ("a-items-3", "a", 30)
    assert last.total_row_count == 30
    (path,) = Path(last.path).glob("part-*.parquet")
    (rows,) = Path(last.path).glob("_rows-*.arrow")
    assert path.stat().st_size + rows.stat().st_size == last.size_bytes
    assert parquet.read_table(path).num_rows == 30
    query = q.Query(items=q.ItemsQuery(item_ids=["i003"]))
    asked = r.RetrieveRequest(query=query, count=3, mode=r.SEARCH_MODE_PRECOMPUTED)
    stored = served.retrieval.Retrieve(asked)
    assert stored.search.mode == r.SEARCH_MODE_PRECOMPUTED
    asked.mode = r.SEARCH_MODE_EXACT
    exact = served.retrieval.Retrieve(asked)
    assert (stored.item_ids, stored.scores) == (exact.item_ids, exact.scores)
    asked.mode, asked.export_id = r.SEARCH_MODE_PRECOMPUTED, "other"
    with pytest.raises(grpc.RpcError) as failure:
        served.retrieval.Retrieve(asked)
    refusal = refusal_of(failure.value)
    assert (refusal.code, refusal.reason) == ("NOT_FOUND", "EXPORT_NOT_FOUND")


def test_a_failure_in_the_process_is_told_as_its_own(served: Connection) -> None:
    def refused(request: m.ExportCandidatesRequest) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as failure:
            list(served.models.ExportCandidates(request))
        found = refusal_of(failure.value)
        return found.code, found.reason

    popular = m.ExportCandidatesRequest(model="popular")
    assert refused(popular) == ("FAILED_PRECONDITION", "QUERY_KIND_UNSUPPORTED")
    list(served.models.ExportCandidates(m.ExportCandidatesRequest(export_id="mine")))
    other = m.ExportCandidatesRequest(export_id="mine", count=7)
    assert refused(other) == ("ALREADY_EXISTS", "EXPORT_EXISTS")
    none = m.ExportCandidatesRequest(model="none")
    assert refused(none) == ("NOT_FOUND", "MODEL_NOT_FOUND")


def test_the_client_follows_an_export_to_its_end(served: Connection) -> None:
    with Shortlist(channel=served.channel) as shortlist:
        *_, last = shortlist.export_candidates("users", count=2)
    assert last.is_done
    assert (last.row_count, last.export_id) == (5, "a-users-2")


def test_every_field_arrives() -> None:
    request = m.ExportCandidatesRequest(
        catalog="pins", model="blue", kind=m.EXPORT_KIND_USERS, count=7,
        include_seen=True, export_id="mine",
    )  # fmt: skip
    expected = ExportRequest("pins", "blue", "users", 7, True, "mine")
    assert export_request_from_proto(request) == expected
    smallest = ExportRequest("default", "live", "users", 100, False, "")
    assert export_request_from_proto(m.ExportCandidatesRequest()) == smallest


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"kind": 9}, "kind"),
        ({"count": 1001}, "count"),
        ({"export_id": "../x"}, "export_id"),
        ({"kind": m.EXPORT_KIND_ITEMS, "include_seen": True}, "include_seen"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, object], path: str) -> None:
    with pytest.raises(FieldInvalid) as failure:
        export_request_from_proto(m.ExportCandidatesRequest(**fields))  # type: ignore[arg-type]
    assert failure.value.field == path
