"""Exported graphs on the client's disk: whole under their names, or not there."""

import hashlib
from pathlib import Path

import grpc
import pytest

from shortlist.client import IndexHeader, Retries, Shortlist
from shortlist.client.errors import DataLoss
from shortlist.client.index_export import IndexWriter
from shortlist.v1 import model_service_pb2 as m
from tests.recorded_server import RecordedServer, recorded_server, refusal

FILE, IDS = b"graph" * 10, ['a "quoted"', "two\nlines", "é"]


def header(**changes: object) -> m.IndexPiece:
    about = {
        "model": "m",
        "item_count": 3,
        "size_bytes": len(FILE),
        "sha256": hashlib.sha256(FILE).hexdigest(),
    }
    return m.IndexPiece(header=m.IndexHeader(**(about | changes)))  # type: ignore[arg-type]


def ids(*texts: str) -> m.IndexPiece:
    return m.IndexPiece(ids=m.IndexIds(item_ids=texts))


def content(part: bytes) -> m.IndexPiece:
    return m.IndexPiece(file=part)


def export(recorded: RecordedServer, folder: Path) -> None:
    with Shortlist(recorded.target, retries=Retries(first_wait_s=0.01)) as shortlist:
        shortlist.export_index(str(folder))


def test_ids_of_any_text_are_a_line_each(tmp_path: Path) -> None:
    with recorded_server() as recorded:
        recorded.will_answer(
            "ExportIndex",
            [header(), ids(*IDS[:2]), ids(IDS[2]), content(FILE[:7]), content(FILE[7:])],
        )
        export(recorded, tmp_path)
    assert (tmp_path / "m.usearch").read_bytes() == FILE
    lines = (tmp_path / "m.ids.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines == ['"a \\"quoted\\""', '"two\\nlines"', '"\\u00e9"']


def test_a_connection_that_breaks_begins_anew(tmp_path: Path) -> None:
    broken = [header(), ids(*IDS), content(FILE[:7]), refusal(grpc.StatusCode.UNAVAILABLE)]
    with recorded_server() as recorded:
        recorded.will_answer("ExportIndex", broken, [header(), ids(*IDS), content(FILE)])
        export(recorded, tmp_path)
        assert len(recorded.asked("ExportIndex")) == 2
    assert (tmp_path / "m.usearch").read_bytes() == FILE
    assert len((tmp_path / "m.ids.jsonl").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [header(), ids(*IDS), content(FILE[:7])],
        [header(), ids(*IDS[:2]), content(FILE)],
        [header(), ids(*IDS), content(FILE[:-1] + b"?")],
        [header(sha256="0" * 64), ids(*IDS), content(FILE)],
    ],
)
def test_what_is_not_whole_leaves_nothing_behind(
    tmp_path: Path, pieces: list[m.IndexPiece]
) -> None:
    with recorded_server() as recorded:
        recorded.will_answer("ExportIndex", list(pieces))
        with pytest.raises(DataLoss):
            export(recorded, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_older_export_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "x.usearch").write_bytes(b"older")
    about = IndexHeader("m", 1, 2, "l2sq", "f32", 8, 64, 128, 3, hashlib.sha256(b"new").hexdigest())
    with IndexWriter(str(tmp_path / "x.usearch")) as writer:
        writer.take(about)
        writer.take(("a",))
        writer.take(b"new")
        assert (tmp_path / "x.usearch").read_bytes() == b"older"
        writer.done()
    assert (tmp_path / "x.usearch").read_bytes() == b"new"
    assert {path.name for path in tmp_path.iterdir()} == {"x.usearch", "x.ids.jsonl", "x.json"}
