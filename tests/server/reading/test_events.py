"""Interactions from files: every format says the same, and nothing odd passes in silence."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather

from shortlist.core.errors import SettingInvalid
from shortlist.server.domain.sources import EventColumns, EventSource, TextOptions
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading import read_events
from shortlist.server.reading import text_files as text_files_module
from tests.server.reading.event_files import parquet, ratings, rows_of, written

NUMBERED = EventColumns("0", "1", "2", "3")


def expected_rows(table: pa.Table) -> list[tuple[str, str, float, int | None]]:
    columns = table.to_pydict()
    return [
        (str(user), item, value, time * 1000)
        for user, item, value, time in zip(
            *(columns[name] for name in ("userId", "movieId", "rating", "timestamp")), strict=True
        )
    ]


def test_every_format_reads_the_same(tmp_path: Path) -> None:
    table = ratings()
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=120)
    feather.write_feather(table, tmp_path / "a.feather")
    pa_csv.write_csv(table, tmp_path / "a.csv")
    tabs = pa_csv.WriteOptions(delimiter="\t")
    pa_csv.write_csv(table, tmp_path / "a.tsv", tabs)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    for name in ("a.parquet", "a.feather", "a.csv", "a.tsv", "b.csv.gz"):
        assert rows_of(read_events(EventSource(str(tmp_path / name)))) == expected_rows(table), name
        uri = (tmp_path / name).as_uri()
        assert rows_of(read_events(EventSource(uri))) == expected_rows(table), uri


def test_a_folder_is_read_in_the_order_of_its_paths(tmp_path: Path) -> None:
    table = ratings(90)
    (tmp_path / "data" / "deeper").mkdir(parents=True)
    pq.write_table(table[:30], tmp_path / "data" / "1.parquet")
    pa_csv.write_csv(table[30:60], tmp_path / "data" / "2.csv")
    pq.write_table(table[60:], tmp_path / "data" / "deeper" / "3.parquet")
    written(tmp_path / "data" / "_SUCCESS", "")
    written(tmp_path / "data" / ".hidden.csv", "nonsense")
    found = read_events(EventSource(str(tmp_path / "data")))
    assert rows_of(found) == expected_rows(table)


def test_text_without_header_is_read_by_column_numbers(tmp_path: Path) -> None:
    long = written(tmp_path / "ratings.dat", "7::film é::5::978300760\n007::b::-1.5::978300761\n")
    found = read_events(EventSource(long, "csv", NUMBERED, TextOptions("::")))
    assert rows_of(found) == [
        ("7", "film é", 5.0, 978300760000),
        ("007", "b", -1.5, 978300761000),
    ]
    tabs = written(tmp_path / "u.data", 'a\t"x\t3\nb\ty\t4\n', "latin-1")
    source = EventSource(
        tabs, "tsv", EventColumns("0", "1", "2"), TextOptions(encoding="latin-1", quoted=False)
    )
    assert rows_of(read_events(source)) == [("a", '"x', 3.0, None), ("b", "y", 4.0, None)]


@pytest.mark.parametrize("block_bytes", [3, 7, 64])
def test_a_separator_cut_by_a_block_is_still_one(block_bytes: int) -> None:
    text = b"1::22::333\n" * 40 + b"4:5::6::7"

    class Blocks:
        def __init__(self) -> None:
            self.at = 0

        def read(self, size: int) -> bytes:
            block = text[self.at : self.at + size]
            self.at += len(block)
            return block

    stream = text_files_module._Reseparated(Blocks(), b"::")  # type: ignore[arg-type]
    parts = list(iter(lambda: stream.read(block_bytes), b""))
    assert b"".join(parts) == text.replace(b"::", b"\x1f")
    assert max(map(len, parts)) <= block_bytes


def test_adjacency_lists_give_an_event_for_each_item(tmp_path: Path) -> None:
    path = written(tmp_path / "train.txt", "0 5 6\n\n1\t5  \n2\n3 x")
    found = read_events(EventSource(path, "adjacency"))
    assert rows_of(found) == [
        ("0", "5", 1.0, None),
        ("0", "6", 1.0, None),
        ("1", "5", 1.0, None),
        ("3", "x", 1.0, None),
    ]


def test_rows_with_gaps_are_dropped_and_counted(tmp_path: Path) -> None:
    """And an id that only dropped rows have is in no vocabulary."""
    source = parquet(
        tmp_path / "a.parquet",
        user=["a", None, "", "b", "c", "d"],
        item=pa.array(["x", "x", "y", None, "z", "x"]).dictionary_encode(),
        value=[1.0, 2.0, 3.0, 4.0, None, -6.0],
        ts=[1, 2, 3, 4, 5, None],
    )
    found = read_events(source)
    assert rows_of(found) == [("a", "x", 1.0, 1000)]
    assert found.left_out == {"no_user": 2, "no_item": 1, "no_value": 1, "no_time": 1}
    assert (len(found.users), len(found.items)) == (1, 1)
    path = written(
        tmp_path / "a.csv", "user,item,value\n1,2,3\n,2,3\n1,,3\n1,2,\n1,2,NA\nNA,2,-3\n"
    )
    found = read_events(EventSource(path))
    assert rows_of(found) == [("1", "2", 3.0, None), ("NA", "2", -3.0, None)]
    assert found.left_out == {"no_user": 1, "no_item": 1, "no_value": 2}


def test_sources_that_hold_nothing_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    broken = written(tmp_path / "broken.parquet", "PAR1 no")
    unknown = written(tmp_path / "a.xls", "user,item\n1,2\n")
    header = written(tmp_path / "header.csv", "user,item\n")
    latin = written(tmp_path / "latin.csv", "user,item\né,2\n", "latin-1")
    nothing = written(tmp_path / "nothing.csv", "")
    for path, message in [
        (str(tmp_path / "missing.csv"), "missing.csv: does not exist"),
        (str(tmp_path / "empty"), "holds no data files"),
        (broken, "broken.parquet: cannot be read"),
        (unknown, "give the format"),
        (header, "no usable row among 0"),
        (latin, "latin.csv"),
        (nothing, "nothing.csv: cannot be read"),
        ("nowhere://bucket/a.parquet", "cannot be opened"),
    ]:
        with pytest.raises(DataSourceInvalid, match=message):
            read_events(EventSource(path))


def test_stray_quotes_are_text_where_fields_are_not_quoted(tmp_path: Path) -> None:
    """A quote that nothing closes would swallow the lines below it, without a word."""
    text = 'user\titem\na\t"Heroes\nb\t12" single\nc\tsay "hi"\nd\t"x"\n'
    path = written(tmp_path / "a.tsv", text)
    found = read_events(EventSource(path, text=TextOptions(quoted=False)))
    names = [row[1] for row in rows_of(found)]
    assert names == ['"Heroes', '12" single', 'say "hi"', '"x"']
    quoted = read_events(EventSource(path))
    assert len(quoted.events) < len(names)


def test_options_out_of_range_are_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", user=[1], item=[2]).uri
    text = written(tmp_path / "a.csv", "user,item\n1,2\n")
    sources: list[tuple[Callable[[], EventSource], str]] = [
        (lambda: EventSource(path, "excel"), "format"),
        (lambda: EventSource(path, text=TextOptions("::")), "separator"),
        (lambda: EventSource(path, text=TextOptions(quoted=False)), "quoted"),
        (lambda: EventSource(text, text=TextOptions("x" * 9)), "separator"),
        (lambda: EventSource(text, text=TextOptions(encoding="latin-99")), "encoding"),
    ]
    for make, field in sources:
        with pytest.raises(SettingInvalid, match=field):
            read_events(make())


def test_progress_counts_rows_and_can_end_the_reading(tmp_path: Path) -> None:
    table = ratings(1000)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    source = EventSource(str(tmp_path / "a.parquet"))
    seen: list[int] = []
    read_events(source, on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1000

    class EnoughError(Exception):
        pass

    def stop(rows: int) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        read_events(source, on_progress=stop)
    with pytest.raises(DataSourceInvalid, match="more than 999 rows"):
        read_events(source, rows_max=999)


field_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(field_text, field_text), min_size=1, max_size=30))
def test_any_id_survives_text_and_columns(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    table = pa.table({"user": [u for u, _ in pairs], "item": [i for _, i in pairs]})
    pq.write_table(table, folder / "a.parquet")
    pa_csv.write_csv(table, folder / "a.csv")
    for name in ("a.parquet", "a.csv"):
        found = read_events(EventSource(str(folder / name)))
        assert [(user, item) for user, item, _, _ in rows_of(found)] == pairs
