"""What a reader leaves out is counted by reason, whatever the format."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from shortlist.server.domain.left_out import LeftOutRows, left_out_rows
from shortlist.server.domain.sources import EventSource, ItemSource, UserSource
from shortlist.server.reading import read_attributes, read_events

FORMATS = ("parquet", "arrow", "csv", "tsv")
EVENTS = pa.table(
    {
        "user_id": ["a", None, "b", None, "c", "d", "e"],
        "item_id": ["x", "y", None, None, "x", "y", "y"],
        "rating": [1.0, 1.0, 1.0, 1.0, None, 4.0, None],
        "timestamp": [1, 2, 3, 4, 5, None, None],
    }
)
IDS = pa.table({"id": ["a", None, "b", None, None], "city": ["Rome", "Suva", None, "Bern", "Oslo"]})


def written(folder: Path, table: pa.Table, format: str) -> str:
    path = str(folder / f"a.{format}")
    if format == "parquet":
        pq.write_table(table, path)
    elif format == "arrow":
        feather.write_feather(table, path)
    else:
        options = pa_csv.WriteOptions(delimiter="," if format == "csv" else "\t")
        pa_csv.write_csv(table, path, options)
    return path


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_counts_the_same_gaps(tmp_path: Path, format: str) -> None:
    """A row counts under the first reason that holds, and every row counts once."""
    table = read_events(EventSource(written(tmp_path, EVENTS, format)))
    assert table.left_out == {"no_user": 2, "no_item": 1, "no_value": 2, "no_time": 1}
    assert len(table.events) + sum(table.left_out.values()) == EVENTS.num_rows


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", [ItemSource, UserSource])
def test_items_and_users_without_an_id_are_counted(
    tmp_path: Path, format: str, kind: type[ItemSource | UserSource]
) -> None:
    table = read_attributes(kind(written(tmp_path, IDS, format)))
    assert table.left_out == {"no_id": 3}
    assert table.ids.ids(range(2)) == ["a", "b"]


def test_an_adjacency_list_leaves_nothing_out(tmp_path: Path) -> None:
    """Its lines have no place for a gap; a user alone is no event."""
    (tmp_path / "a.txt").write_text("a x y\nb\nc x\n")
    assert not read_events(EventSource(str(tmp_path / "a.txt"), "adjacency")).left_out


def test_only_reasons_that_held_are_told_in_one_order() -> None:
    assert left_out_rows("items", {"deleted_item": 2, "no_user": 0, "no_id": 1}) == (
        LeftOutRows("items", "no_id", 1),
        LeftOutRows("items", "deleted_item", 2),
    )
