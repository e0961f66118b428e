"""Items with attributes, in the order of a vocabulary."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.domain.sources import ItemSource, TextOptions
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading import read_attributes

MOVIES = '10::GoldenEye: the film (1995)::Action|Thriller\n2::Café "X"::Drama\n'


def test_movielens_titles_are_read_whole(tmp_path: Path) -> None:
    """The separator is "::", titles hold ":" and quotes, and the file is latin-1."""
    (tmp_path / "movies.dat").write_bytes(MOVIES.encode("latin-1"))
    text = TextOptions("::", "latin-1")
    source = ItemSource(str(tmp_path / "movies.dat"), "csv", "0", ("1", "2"), text)
    table = read_attributes(source)
    assert table.ids.ids([0, 1]) == ["10", "2"]
    assert table.attributes.to_pydict() == {
        "1": ["GoldenEye: the film (1995)", 'Café "X"'],
        "2": ["Action|Thriller", "Drama"],
    }


def test_attributes_follow_the_vocabulary_that_is_asked(tmp_path: Path) -> None:
    columns = {"movieId": [3, 1, None, 2], "title": list("cabd"), "year": [2003, 2001, 0, None]}
    pq.write_table(pa.table(columns), tmp_path / "items.parquet")
    table = read_attributes(ItemSource(str(tmp_path / "items.parquet")))
    assert table.dropped == 1
    assert table.ids.ids(range(3)) == ["1", "2", "3"]
    assert table.attributes.to_pydict() == {"title": ["a", "d", "c"], "year": [2001, None, 2003]}
    aligned = table.align(Vocabulary.from_strings(["3", "0", "1"]))
    assert aligned.to_pydict() == {"title": [None, "a", "c"], "year": [None, 2001, 2003]}


def test_files_of_a_folder_may_have_other_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["b"], "title": ["B"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"id": ["a"], "city": ["Oslo"]}), tmp_path / "2.parquet")
    table = read_attributes(ItemSource(str(tmp_path)))
    assert table.attributes.to_pydict() == {"title": [None, "B"], "city": ["Oslo", None]}
    pq.write_table(pa.table({"id": ["c"], "title": [[1]]}), tmp_path / "3.parquet")
    with pytest.raises(DataSourceInvalid, match="do not fit together"):
        read_attributes(ItemSource(str(tmp_path)))


def test_views_are_read_as_what_they_show(tmp_path: Path) -> None:
    """Polars writes its Arrow files with them, and Arrow itself cannot yet select rows of them."""
    values = {
        "item": pa.array(["b", "a"], pa.string_view()),
        "city": pa.array(["Rome", None], pa.string_view()),
        "tags": pa.array([["x"], None], pa.large_list(pa.string_view())),
        "pair": pa.array([["x", "y"], None], pa.list_(pa.string_view(), 2)),
        "code": pa.array([b"1", None], pa.binary_view()),
        "both": pa.array([{"n": "1"}, None], pa.struct([("n", pa.string_view())])),
    }
    table = pa.table(values)
    with pa.ipc.new_file(str(tmp_path / "items.arrow"), table.schema) as file:
        file.write_table(table)
    attributes = read_attributes(ItemSource(str(tmp_path / "items.arrow"))).attributes
    columns = {name: values[name].to_pylist()[::-1] for name in values if name != "item"}
    assert attributes.to_pydict() == columns
    assert attributes.schema.field("city").type == pa.string()
    assert attributes.schema.field("tags").type == pa.large_list(pa.string())


def test_an_item_twice_is_named_by_file_and_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["b", "a"], "n": [1, 2]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"id": ["c", "d", "b"], "n": [3, 4, 5]}), tmp_path / "2.parquet")
    with pytest.raises(DataSourceInvalid, match=r"2.parquet, column 'id', row 3: item 'b' occurs"):
        read_attributes(ItemSource(str(tmp_path)))
    (tmp_path / "a.csv").write_text("id,n\nx,1\nx,2\n")
    with pytest.raises(DataSourceInvalid, match=r"row 2: item 'x' occurs twice"):
        read_attributes(ItemSource(str(tmp_path / "a.csv")))


def test_items_without_attributes_are_items(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\nx\na\n")
    table = read_attributes(ItemSource(str(tmp_path / "a.csv")))
    assert table.ids.ids([0, 1]) == ["a", "x"]
    assert table.align(table.ids).num_columns == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (ItemSource("", id_column="nope"), "column 'nope': the columns are id, n"),
        (ItemSource("", attributes=("nope",)), "column 'nope'"),
        (ItemSource("", attributes=("n", "n")), "named twice"),
        (ItemSource("", format="adjacency"), "adjacency lists hold no items"),
    ],
)
def test_columns_that_are_not_there_are_named(
    tmp_path: Path, source: ItemSource, message: str
) -> None:
    (tmp_path / "a.csv").write_text("id,n\nx,1\n")
    with pytest.raises(DataSourceInvalid, match=message):
        read_attributes(
            ItemSource(str(tmp_path / "a.csv"), source.format, source.id_column, source.attributes)
        )
