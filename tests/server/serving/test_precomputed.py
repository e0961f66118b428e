"""Lists that an export made: the exact answer wherever they give one, whatever is restricted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.export_files import open_rows, read_spec, rows_path
from shortlist.server.artifacts.hidden import HiddenItems
from shortlist.server.domain.exporting import ExportKind, ExportSpec
from shortlist.server.domain.query import (
    Diversity,
    EmbeddingQuery,
    ItemsQuery,
    Query,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.domain.restrictions import Restrictions
from shortlist.server.errors import (
    ArtifactCorrupt,
    ExportExists,
    ExportNotFound,
    QueryKindUnsupported,
)
from shortlist.server.exporting.__main__ import export
from shortlist.server.exporting.parts import write_parts
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving import precomputed
from shortlist.server.serving.serving_model import ServingModel, load_serving_model
from tests.server.published import publish
from tests.server.small_models import item_id, small_model, user_id

USERS, ITEMS, COUNT = 23, 40, 12


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServingModel:
    """A model with exports of its users and of its items, in several parts."""
    years = pa.table({"year": [row % 7 for row in range(ITEMS)]})
    bare = small_model(seed=7, item_count=ITEMS, user_count=USERS, attributes=years)
    folder = tmp_path_factory.mktemp("exports")
    kinds: tuple[ExportKind, ...] = ("users", "items")
    for kind in kinds:
        one = folder / kind
        one.mkdir()
        spec = ExportSpec("small", kind, COUNT)
        list(write_parts(bare, spec, one, 1, pairs_a_part=60))
        claim = f'{{"model_id": "small", "kind": "{kind}", "count": {COUNT}}}'
        (one / "_export.json").write_text(claim)
    exports = precomputed.StoredExports(folder, "small", 0, USERS, ITEMS)
    return replace(bare, exports=exports)


@st.composite
def questions(draw: st.DrawFn) -> RetrieveQuery:
    query: Query
    if draw(st.booleans()):
        query = UserQuery(draw(st.sampled_from([user_id(row) for row in range(USERS + 1)])))
    else:
        query = ItemsQuery((item_id(draw(st.integers(0, ITEMS - 1))),))
    some = st.lists(st.integers(0, ITEMS).map(item_id), max_size=8)
    return RetrieveQuery(
        query,
        count=draw(st.integers(1, COUNT + 2)),
        exclude_item_ids=tuple(draw(some)),
        include_seen=draw(st.booleans()),
        candidate_item_ids=tuple(draw(some)),
        min_score=draw(st.one_of(st.none(), st.integers(-4, 4).map(float))),
        restrictions=draw(st.sampled_from((Restrictions(), Restrictions(filter="year > 1")))),
        diversity=draw(st.sampled_from((Diversity(), Diversity("year", 2)))),
        popularity_damping=draw(st.sampled_from((0.0, 0.0, 0.5))),
        contributions_max=draw(st.sampled_from((0, 2))),
    )


@settings(max_examples=400, deadline=None)
@given(questions())
def test_a_list_answers_as_exact_search_does(model: ServingModel, query: RetrieveQuery) -> None:
    exact = retrieve(model, replace(query, mode=SearchMode.EXACT))
    found = retrieve(model, replace(query, mode=SearchMode.PRECOMPUTED))
    assert replace(found, search=exact.search) == exact
    assert found.search.eligible_items == exact.search.eligible_items
    (batched,) = retrieve_each(lambda *_: model, [replace(query, mode=SearchMode.PRECOMPUTED)])
    assert batched == found


def asked(query: Query, **settings: object) -> RetrieveQuery:
    asked = RetrieveQuery(query, count=5, mode=SearchMode.PRECOMPUTED)
    return replace(asked, **settings)  # type: ignore[arg-type]


def test_the_report_says_whether_a_list_answered(model: ServingModel) -> None:
    plain = asked(UserQuery(user_id(3)))
    looked_up = retrieve(model, plain).search
    assert (looked_up.mode, looked_up.scored_items) == (SearchMode.PRECOMPUTED, 0)
    related = asked(ItemsQuery((item_id(3),)))
    assert retrieve(model, related).search.mode is SearchMode.PRECOMPUTED
    first = retrieve(model, asked(UserQuery(user_id(3)), count=COUNT)).item_ids
    for computed in (
        replace(plain, count=COUNT + 1),
        replace(plain, exclude_item_ids=tuple(first[:-4])),  # four are left of the list
        replace(plain, include_seen=True),
        replace(plain, popularity_damping=0.5),
        asked(UserQuery(user_id(3), (item_id(1),), (1.0,))),
        asked(UserQuery("nobody")),
        asked(ItemsQuery((item_id(3), item_id(4)))),
        asked(ItemsQuery((item_id(3),), (item_id(4),))),
        asked(EmbeddingQuery(np.ones(4, np.float32))),
    ):
        assert retrieve(model, computed).search.mode is SearchMode.EXACT


@pytest.fixture
def published(tmp_path: Path) -> tuple[Catalogs, ServingModel, Path]:
    """A published model with an export of its users, "first", and where exports are."""
    folder = publish(tmp_path, "a")
    catalogs = Catalogs(tmp_path)
    list(export(catalogs, "default", "first", ExportSpec("a", "users", 6), 1))
    return catalogs, load_serving_model(folder), tmp_path / "catalogs" / "default" / "exports"


Published = tuple[Catalogs, ServingModel, Path]


def test_features_of_a_query_are_no_business_of_a_list(model: ServingModel) -> None:
    """They may move a stored user; this model has none and says so."""
    with pytest.raises(QueryKindUnsupported, match="features"):
        retrieve(model, asked(UserQuery(user_id(3), features={"age": 1.0})))


def test_only_a_whole_export_of_this_very_model_serves(published: Published) -> None:
    catalogs, model, exports = published
    plain = asked(UserQuery(user_id(1)))
    assert retrieve(model, plain).search.mode is SearchMode.PRECOMPUTED
    assert retrieve(model, replace(plain, export_id="first")).item_ids
    with pytest.raises(ExportNotFound, match="items of model a"):
        retrieve(model, asked(ItemsQuery((item_id(1),))))
    with pytest.raises(ExportNotFound, match="export other is no whole export"):
        retrieve(model, replace(plain, export_id="other"))
    catalogs.catalog("default").delete("a")
    again = load_serving_model(publish(catalogs_folder(exports), "a", created_ms=2))
    with pytest.raises(ExportNotFound):
        retrieve(again, plain)
    with pytest.raises(ExportExists):
        list(export(catalogs, "default", "first", ExportSpec("a", "users", 6), 1))


def catalogs_folder(exports: Path) -> Path:
    return exports.parent.parent.parent


def test_the_newest_whole_export_serves_and_a_removed_one_does_not(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogs, model, exports = published
    monkeypatch.setattr(precomputed, "LOOK_AGAIN_S", 0.0)
    plain = asked(UserQuery(user_id(1)), count=6)
    assert retrieve(model, plain).search.mode is SearchMode.PRECOMPUTED
    (exports / "broken").mkdir()
    (exports / "broken" / "_export.json").write_text("{")
    list(export(catalogs, "default", "short", ExportSpec("a", "users", 2), 1))
    assert retrieve(model, plain).search.mode is SearchMode.EXACT, "the newest list is too short"
    rows_path(exports / "short", 0).unlink()
    assert retrieve(model, plain).search.mode is SearchMode.PRECOMPUTED
    shutil.rmtree(exports)
    with pytest.raises(ExportNotFound):
        retrieve(model, plain)


def test_an_export_without_rows_gets_them_when_it_is_asked_for_again(
    published: Published,
) -> None:
    catalogs, _, exports = published
    part = exports / "first" / "part-00000.parquet"
    before = parquet.read_table(part)
    rows_path(exports / "first", 0).unlink()
    list(export(catalogs, "default", "first", ExportSpec("a", "users", 6), 1))
    assert rows_path(exports / "first", 0).exists()
    assert parquet.read_table(part) == before


def test_hidden_items_leave_the_lists(model: ServingModel) -> None:
    """Also those of exports that were made before."""
    plain = asked(UserQuery(user_id(3)))
    before = retrieve(model, plain).item_ids
    hidden = HiddenItems(1, hidden=(before[0],), deleted=(before[2],))
    found = retrieve(model, plain, lambda _: hidden)
    assert found.search.mode is SearchMode.PRECOMPUTED
    assert not {before[0], before[2]} & set(found.item_ids)
    exact = retrieve(model, replace(plain, mode=SearchMode.EXACT), lambda _: hidden)
    assert (found.item_ids, found.scores) == (exact.item_ids, exact.scores)


def test_damaged_rows_are_an_error_and_no_crash(published: Published) -> None:
    _, model, exports = published
    path = rows_path(exports / "first", 0)
    spec = read_spec(exports / "first")
    assert spec is not None
    whole = path.read_bytes()
    with pytest.raises(ArtifactCorrupt, match="does not have"):
        open_rows(exports / "first", spec, 5, 3)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactCorrupt):
        retrieve(model, asked(UserQuery(user_id(1))))
