"""Columns of interactions: ids, values and times of every type, or an error that says where."""

import datetime as dt
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from shortlist.server.domain.sources import EventColumns, EventSource
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading import read_events
from shortlist.server.reading import text_files as text_files_module
from tests.server.reading.event_files import parquet, ratings, rows_of, written


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([3, 1, 3, 2**40], pa.int64()),
        pa.array([3, 1, 3, 200], pa.uint8()),
        pa.array(["b", "a", "b", "ç"], pa.large_string()),
        pa.array(["b", "a", "b", "ç"], pa.string_view()),
        pa.array([b"b", b"a", b"b", "ç".encode()], pa.binary()),
        pa.array([3, 1, 3, None]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_ids_of_every_type_become_their_text(tmp_path: Path, ids: pa.Array) -> None:
    feather.write_feather(pa.table({"user": ids, "item": ids}), tmp_path / "a.arrow")
    found = read_events(EventSource(str(tmp_path / "a.arrow")))
    texts = [i.decode() if isinstance(i, bytes) else str(i) for i in ids.to_pylist() if i]
    assert [row[0] for row in rows_of(found)] == texts
    assert found.users.ids(range(len(found.users))) == sorted(set(texts))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1.0, 2.0]), "ids are strings or integers, not double"),
        (pa.array([True, False]), "ids are strings or integers, not bool"),
        (pa.array(["a", "b" * 513]), r"column 'user', row 2: id has 513 bytes, 512 at most"),
        (pa.array([b"a", b"\xff"], pa.binary()), "column 'user', row 2: id is not valid UTF-8"),
    ],
)
def test_columns_that_hold_no_ids_are_refused(
    tmp_path: Path, column: pa.Array, message: str
) -> None:
    with pytest.raises(DataSourceInvalid, match=message):
        read_events(parquet(tmp_path / "a.parquet", user=column, item=["x", "y"]))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e39])
def test_values_that_are_not_finite_are_named_by_file_column_and_row(
    tmp_path: Path, wrong: float
) -> None:
    table = ratings(300)
    values = table["rating"].to_numpy().copy()
    values[251] = wrong
    pq.write_table(table.set_column(2, "rating", pa.array(values)), tmp_path / "a.parquet")
    with pytest.raises(DataSourceInvalid, match="not a finite float32") as caught:
        read_events(EventSource(str(tmp_path / "a.parquet")))
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.file.endswith("a.parquet")
    assert (error.column, error.row) == ("rating", 252)
    assert str(error) == str(caught.value)


def test_text_that_is_no_number_is_named_by_file_column_and_row(tmp_path: Path) -> None:
    lines = [f"{n},{n % 7},{n / 2},{n}" for n in range(1000)]
    lines[640] = "640,3,two,640"
    path = written(tmp_path / "a.csv", "\n".join(["user,item,rating,ts", *lines]))
    with pytest.raises(DataSourceInvalid, match="column 'rating', row 641: 'two' is not double"):
        read_events(EventSource(path))
    lines[640] = "640,3,nan,640"
    path = written(tmp_path / "a.csv", "\n".join(["user,item,rating,ts", *lines]))
    with pytest.raises(DataSourceInvalid, match="column 'rating', row 641: value nan"):
        read_events(EventSource(path))


def test_a_later_block_that_does_not_fit_is_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Types that were guessed from the first block may not hold in the third."""
    monkeypatch.setattr(text_files_module, "BLOCK_BYTES", 1024)
    lines = [f"{n},{n % 7},{n}" for n in range(1000)]
    lines[900] = "900,3,yesterday"
    path = written(tmp_path / "a.csv", "\n".join(["user,item,ts", *lines]))
    with pytest.raises(DataSourceInvalid, match="column 'ts', row 901: 'yesterday' is not int64"):
        read_events(EventSource(path))


MOMENT = dt.datetime(2017, 10, 1, 12, 30, 15, tzinfo=dt.UTC)
MOMENT_S = int(MOMENT.timestamp())


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (pa.array([MOMENT_S, 0]), [MOMENT_S * 1000, 0]),
        (pa.array([MOMENT_S * 1000, 5]), [MOMENT_S * 1000, 5]),
        (pa.array([MOMENT_S * 10**6, 0]), [MOMENT_S * 1000, 0]),
        (pa.array([MOMENT_S * 10**9, -1]), [MOMENT_S * 1000, -1]),
        (pa.array([MOMENT_S + 0.7, -3.0]), [MOMENT_S * 1000, -3000]),
        (pa.array([MOMENT, MOMENT], pa.timestamp("ns", "UTC")), [MOMENT_S * 1000] * 2),
        (pa.array([MOMENT.replace(tzinfo=None)] * 2, pa.timestamp("s")), [MOMENT_S * 1000] * 2),
        (pa.array([dt.date(1970, 1, 2)] * 2), [86_400_000] * 2),
        (pa.array(["2017-10-01 12:30:15", "1970-01-01"]), [MOMENT_S * 1000, 0]),
        (pa.array(["2017-10-01T14:30:15+02:00", "1970-01-01T00:00:00Z"]), [MOMENT_S * 1000, 0]),
    ],
    ids=str,
)
def test_times_become_milliseconds(tmp_path: Path, times: pa.Array, expected: list[int]) -> None:
    found = read_events(parquet(tmp_path / "a.parquet", user=[1, 2], item=[1, 2], time=times))
    assert found.events.times is not None
    assert found.events.times.tolist() == expected


def test_times_that_are_none_are_refused(tmp_path: Path) -> None:
    for times, message in [
        ([1.0, np.nan], "row 2: time nan is not finite"),
        (["2017-10-01", "soon"], "row 2: 'soon' is not timestamp"),
        ([True, False], "not bool"),
    ]:
        source = parquet(tmp_path / "a.parquet", user=[1, 2], item=[1, 2], time=pa.array(times))
        with pytest.raises(DataSourceInvalid, match=message):
            read_events(source)


def test_columns_are_found_by_usual_names_and_by_given_ones(tmp_path: Path) -> None:
    columns = {"USER_ID": [1], "article": [2], "likes": [3.0], "Rating": [4.0], "ts": [5]}
    path = parquet(tmp_path / "a.parquet", **columns).uri
    assert rows_of(read_events(EventSource(path))) == [("1", "2", 4.0, 5000)]
    given = EventColumns(item="article", value="likes", time="-")
    assert rows_of(read_events(EventSource(path, columns=given))) == [("1", "2", 3.0, None)]
    with pytest.raises(DataSourceInvalid, match="column 'nope': the columns are USER_ID, article"):
        read_events(EventSource(path, columns=EventColumns(value="nope")))
    with pytest.raises(DataSourceInvalid, match="one column is named for two things"):
        read_events(EventSource(path, columns=EventColumns(value="ts")))
    with pytest.raises(DataSourceInvalid, match="no item column given or recognised"):
        read_events(parquet(tmp_path / "b.parquet", user=[1], thing=[2]))
