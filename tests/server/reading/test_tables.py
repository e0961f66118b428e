"""Tables made of tables keep ids, values and times together."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.domain.sources import EventSource
from shortlist.server.reading import EventTable, known_events, read_events, supported_table


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


def test_known_events_are_rows_of_the_other_vocabularies(table: EventTable) -> None:
    users, items = Vocabulary.from_strings(["a", "0", "c"]), Vocabulary.from_strings(["w", "x"])
    known = known_events(table, users, items)
    assert users.ids(known.events.users) == ["a"]
    assert items.ids(known.events.items) == ["x"]
    assert known.events.values.tolist() == [-2.0]
    assert known.events.times is not None
    assert known.events.times.tolist() == [2000]
    assert (known.unknown_user, known.unknown_item) == (2, 2)
    nothing = known_events(table, Vocabulary.from_strings([]), items)
    assert (len(nothing.events), nothing.unknown_user, nothing.unknown_item) == (0, 5, 0)


def test_a_supported_table_has_no_rare_ids(table: EventTable) -> None:
    left = supported_table(table, 2, 2)
    assert left.users.ids(range(len(left.users))) == []
    once = supported_table(table, 2, 2, until_stable=False)
    assert once.users.ids(range(len(once.users))) == ["a"]
    assert once.items.ids(once.events.items) == ["x", "z"]
    assert once.events.values.tolist() == [-2.0, 5.0]


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
