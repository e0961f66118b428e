"""Tables made of tables keep ids, values and times together."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.server.domain.sources import EventSource
from shortlist.server.reading import EventTable, read_events, supported_table


@pytest.fixture
def table(tmp_path: Path) -> EventTable:
    columns = {
        "user": ["b", "a", "b", "c", "a"],
        "item": ["x", "x", "y", "z", "z"],
        "value": [1.0, -2.0, 3.0, 4.0, 5.0],
        "time": [1, 2, 3, 4, 5],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    return read_events(EventSource(str(tmp_path / "a.parquet")))


def test_a_supported_table_has_no_rare_ids(table: EventTable) -> None:
    left = supported_table(table, 2, 2)
    assert left.users.ids(range(len(left.users))) == []
    common = supported_table(table, 2, 0)
    assert common.users.ids(common.events.users) == ["b", "a", "b", "a"]
    assert common.items.ids(common.events.items) == ["x", "x", "y", "z"]
    assert common.events.values.tolist() == [1.0, -2.0, 3.0, 5.0]


@pytest.mark.parametrize(
    ("user_min", "item_min", "counts"),
    [
        (0, 0, {"rare_user": 0, "rare_item": 0}),
        (2, 0, {"rare_user": 1, "rare_item": 0}),
        (0, 2, {"rare_user": 0, "rare_item": 1}),
        (2, 2, {"rare_user": 5, "rare_item": 0}),
    ],
)
def test_rare_ids_are_counted_as_what_was_asked_for(
    table: EventTable, user_min: int, item_min: int, counts: dict[str, int]
) -> None:
    """A user whose only item was too rare was not too rare: nobody asked for that."""
    left = supported_table(table, user_min, item_min)
    assert left.left_out == counts
    assert sum(counts.values()) == len(table.events) - len(left.events)


def test_a_column_of_nulls_only_has_no_ids(tmp_path: Path) -> None:
    columns = {"user": pa.nulls(2), "item": ["x", "y"]}
    pq.write_table(pa.table(columns), tmp_path / "nulls.parquet")
    with pytest.raises(Exception, match="no usable row among 2"):
        read_events(EventSource(str(tmp_path / "nulls.parquet")))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_threads_change_nothing_that_is_read(tmp_path: Path, threads: int) -> None:
    count = 300_000
    columns = {
        "user": pa.array([n * 7919 % 5003 for n in range(count)]),
        "item": pa.array([f"i{n * 31 % 977}" for n in range(count)]),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=70_000)
    found = read_events(EventSource(str(tmp_path / "a.parquet")), threads=threads)
    sample = slice(0, count, 997)
    assert found.users.ids(found.events.users[sample]) == [
        str(n) for n in columns["user"].to_pylist()[sample]
    ]
    assert found.items.ids(found.events.items[sample]) == columns["item"].to_pylist()[sample]
