"""Exports: what Retrieve would answer, in whole parts, made once."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.exporting import ExportSpec
from shortlist.server.domain.query import ItemsQuery, RetrieveQuery, UserQuery
from shortlist.server.errors import ExportExists, Overloaded, QueryKindUnsupported
from shortlist.server.exporting.__main__ import export
from shortlist.server.exporting.parts import write_parts
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.storage.layout import LOCK_NAME
from tests.server.published import publish
from tests.server.small_models import all_ids, item_id, popularity_model, small_model, user_id

MODEL = small_model(seed=7, item_count=40, user_count=23)


def read(folder: Path) -> pa.Table:
    return pa.concat_tables(parquet.read_table(path) for path in sorted(folder.glob("*.parquet")))


@pytest.mark.parametrize("include_seen", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_every_user_has_what_retrieve_answers(
    tmp_path: Path, include_seen: bool, threads: int
) -> None:
    spec = ExportSpec("m", "users", 39, include_seen)
    written = list(write_parts(MODEL, spec, tmp_path, threads, pairs_a_part=200))
    assert [one.row_count for one in written] == [5, 10, 15, 20, 23]
    table = read(tmp_path)
    assert table["user_id"].to_pylist() == [user_id(row) for row in range(23)]
    assert table.schema.field("item_ids").type.value_type == pa.string()
    assert written[-1].size_bytes == sum(one.stat().st_size for one in tmp_path.iterdir())
    for row in table.to_pylist():
        query = RetrieveQuery(UserQuery(row["user_id"]), count=39, include_seen=include_seen)
        found = retrieve(MODEL, query)
        assert (row["item_ids"], row["scores"]) == (found.item_ids, found.scores)


def test_every_item_has_its_related_items(tmp_path: Path) -> None:
    list(write_parts(MODEL, ExportSpec("m", "items", 5), tmp_path, 1, pairs_a_part=50))
    rows = read(tmp_path).to_pylist()
    assert [row["item_id"] for row in rows] == all_ids(MODEL)
    for row in rows:
        found = retrieve(MODEL, RetrieveQuery(ItemsQuery((row["item_id"],)), count=5))
        assert (row["item_ids"], row["scores"]) == (found.item_ids, found.scores)


def test_an_interrupted_export_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Whole parts stay as they are; a half one is not there and is made again."""
    spec = ExportSpec("m", "items", 3)
    parts: Any = write_parts(MODEL, spec, tmp_path, 1, pairs_a_part=30)
    next(parts), next(parts)
    parts.close()
    half = tmp_path / ".part-00002.parquet"
    half.write_bytes(b"half")
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("part-*")}
    assert len(made) == 2
    written = list(write_parts(MODEL, spec, tmp_path, 1, pairs_a_part=30))
    assert [one.made_count for one in written] == [0, 0, 10, 20]
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert not half.exists()
    assert read(tmp_path)["item_id"].to_pylist() == all_ids(MODEL)


def test_an_export_is_of_one_model_with_one_setting(tmp_path: Path) -> None:
    publish(tmp_path, "a")
    catalogs, spec = Catalogs(tmp_path), ExportSpec("a", "users", 4)
    (first,) = export(catalogs, "default", "mine", spec, 1)
    assert (first.row_count, first.total_row_count, first.model_id) == (5, 5, "a")
    assert Path(first.path) == tmp_path / "catalogs" / "default" / "exports" / "mine"
    (again,) = export(catalogs, "default", "mine", spec, 1)
    assert (again.row_count, again.seconds_left) == (5, -1.0)
    with pytest.raises(ExportExists):
        list(export(catalogs, "default", "mine", ExportSpec("a", "users", 5), 1))


def test_two_do_not_write_one_export(tmp_path: Path) -> None:
    publish(tmp_path, "a")
    catalogs, spec = Catalogs(tmp_path), ExportSpec("a", "items", 4)
    writing: Any = export(catalogs, "default", "mine", spec, 1)
    assert (Path(next(writing).path) / LOCK_NAME).exists()
    with pytest.raises(Overloaded):
        list(export(catalogs, "default", "mine", spec, 1))
    writing.close()
    assert list(export(catalogs, "default", "mine", spec, 1))


def test_a_model_without_vectors_exports_nothing(tmp_path: Path) -> None:
    with pytest.raises(QueryKindUnsupported):
        list(write_parts(popularity_model(1, 9), ExportSpec("m", "users", 4), tmp_path, 1))


def test_users_who_have_seen_nearly_all_get_fewer(tmp_path: Path) -> None:
    """Lists are as long as there is something to put in them."""
    model = small_model(seed=1, item_count=3, user_count=9)
    list(write_parts(model, ExportSpec("m", "users", 10), tmp_path, 1))
    lengths = [3 - len(model.seen.row(row)[0]) for row in range(9)]
    table = read(tmp_path)
    assert [len(ids) for ids in table["item_ids"].to_pylist()] == lengths
    assert len(set(lengths)) > 1
    assert np.diff(model.seen.row_starts).max() > 0
    assert item_id(0) in {one for ids in table["item_ids"].to_pylist() for one in ids}
