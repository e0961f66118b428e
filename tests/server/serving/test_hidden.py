"""Hidden and deleted items: through no path, on no worker, in no later training."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from shortlist.core.scan.inverted_file import build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.hidden import ITEMS_MAX, HiddenItems
from shortlist.server.domain.exporting import ExportSpec
from shortlist.server.domain.query import (
    EmbeddingQuery,
    ItemsQuery,
    Query,
    RetrieveQuery,
    SearchMode,
    UserQuery,
)
from shortlist.server.domain.restrictions import Restrictions
from shortlist.server.domain.sources import EventSource, ItemSource
from shortlist.server.domain.training import TrainingSpec
from shortlist.server.errors import ArtifactCorrupt, FieldInvalid, ItemDeleted
from shortlist.server.exporting.parts import write_parts
from shortlist.server.index.lists import ListIndex
from shortlist.server.operations.hiding import Hiding
from shortlist.server.reading.attributes import AttributeTable
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.serving.hidden import HiddenLists
from shortlist.server.serving.serving_model import ServingModel
from shortlist.server.training.deleted import items_without
from shortlist.server.training.prepare import prepare
from tests.oracles.retrieval import best_items
from tests.server.small_models import (
    all_ids,
    item_id,
    popularity_model,
    seen_ids,
    small_model,
    user_id,
)

COUNT = 40
YEARS = pa.table({"year": [row % 3 for row in range(COUNT)]})
PLAIN = small_model(seed=COUNT, item_count=COUNT, attributes=YEARS)
POPULAR = popularity_model(seed=COUNT, item_count=COUNT, attributes=YEARS)


def indexed() -> ServingModel:
    """Return the model with lists, which AUTO asks."""
    assert PLAIN.space is not None
    vectors = PLAIN.space.item_vectors
    file = build_inverted_file(vectors, quantize(vectors))
    index = ListIndex(vectors, file, file.list_count)
    return replace(PLAIN, space=replace(PLAIN.space, index=index, index_pays=True))


INDEXED = indexed()
MODELS = {"plain": PLAIN, "popular": POPULAR, "indexed": INDEXED}


@st.composite
def questions(draw: st.DrawFn) -> tuple[ServingModel, RetrieveQuery, HiddenItems]:
    model = MODELS[draw(st.sampled_from(sorted(MODELS)))]
    rows = st.integers(0, COUNT + 1)  # the last two are unknown ids
    ids = st.lists(rows.map(item_id), max_size=6)
    query: Query = UserQuery(draw(st.sampled_from([user_id(row) for row in range(6)])))
    if model.space is not None:
        numbers = draw(st.lists(st.integers(-2, 2), min_size=4, max_size=4))
        history = tuple(draw(ids))
        others: list[Query] = [
            query,
            UserQuery("", history, tuple(1.0 for _ in history)),
            ItemsQuery(tuple(draw(ids.filter(bool))), tuple(draw(ids))),
            EmbeddingQuery(np.array(numbers, np.float32)),
        ]
        query = draw(st.sampled_from(others))
    asked = RetrieveQuery(
        query,
        count=draw(st.integers(1, 50)),
        exclude_item_ids=tuple(draw(ids)),
        candidate_item_ids=tuple(draw(st.one_of(st.just([]), ids))),
        mode=draw(st.sampled_from((SearchMode.AUTO, SearchMode.EXACT, SearchMode.APPROXIMATE))),
        restrictions=Restrictions(filter=draw(st.sampled_from(["", "", "year = 1"]))),
    )
    hidden = HiddenItems().hide(tuple(draw(st.lists(rows.map(item_id), max_size=COUNT))))
    return model, asked, hidden.delete(tuple(draw(st.lists(rows.map(item_id), max_size=5))))


def had_ids(model: ServingModel, query: Query) -> set[str]:
    if isinstance(query, ItemsQuery):
        return set(query.item_ids) | set(query.negative_item_ids)
    if isinstance(query, EmbeddingQuery):
        return set()
    row = model.users.row(query.user_id) if query.user_id else None
    return set(query.history_item_ids) | (set() if row is None else seen_ids(model, row))


@settings(max_examples=300, deadline=None)
@given(questions())
def test_what_is_hidden_is_as_if_it_were_not_there(
    question: tuple[ServingModel, RetrieveQuery, HiddenItems],
) -> None:
    """Every kind of query, alone and in a batch, gives the oracle's best of what is left."""
    model, query, hidden = question
    found = retrieve(model, query, lambda _: hidden)
    (batched,) = retrieve_each(lambda *_: model, [query], lambda _: hidden)
    assert batched == found
    values = embed(model, [query.query])[0].values
    scores = model.item_scores.astype(np.float64)
    if values is not None and model.space is not None:
        scores = model.space.item_vectors.astype(np.float64) @ values.astype(np.float64)
    away = {*hidden.hidden, *hidden.deleted, *query.exclude_item_ids}
    away |= had_ids(model, query.query)
    if query.restrictions.filter:
        away |= {item_id(row) for row in range(COUNT) if row % 3 != 1}
    ids, expected = best_items(
        *(all_ids(model), scores),
        count=query.count,
        excluded=away,
        candidates=query.candidate_item_ids,
    )
    assert len(found.item_ids) == len(ids)
    assert not away & set(found.item_ids)
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5, atol=1e-5)
    gone = set(query.candidate_item_ids) & set(hidden.deleted)
    assert gone <= set(found.missing_ids)


def test_an_index_answers_around_a_few_hidden_items() -> None:
    """Hiding one item must not turn every search of a large catalog into a scan."""
    query = RetrieveQuery(UserQuery("u001"), count=5)
    best = retrieve(INDEXED, query).item_ids[0]
    hidden = HiddenItems().hide((best,))
    found = retrieve(INDEXED, query, lambda _: hidden)
    assert found.search.mode is SearchMode.APPROXIMATE
    assert best not in found.item_ids
    assert found.search.eligible_items == retrieve(INDEXED, query).search.eligible_items - 1
    many = HiddenItems().hide(tuple(item_id(row) for row in range(COUNT - 3)))
    found = retrieve(INDEXED, query, lambda _: many)
    assert found.search.mode is SearchMode.EXACT


def test_reasons_and_interests_name_nothing_hidden() -> None:
    """What a hidden item added is in the remainder, and the sum still is the score."""
    history = tuple(item_id(row) for row in range(0, 24, 2))
    user = UserQuery("", history, tuple(1.0 for _ in history))
    query = RetrieveQuery(user, count=8, interests=4, contributions_max=20)
    before = retrieve(PLAIN, query)
    assert len(before.interests) > 1
    first = before.interests[0].medoid_item_id
    named = {name for reason in before.reasons for name in reason.item_ids}
    hidden = HiddenItems().delete((first, *sorted(named)[:2]))
    after = retrieve(PLAIN, query, lambda _: hidden)
    assert named & set(hidden.deleted)
    for place, reason in enumerate(after.reasons):
        assert not set(reason.item_ids) & set(hidden.deleted)
        total = sum(reason.amounts) + reason.remainder
        assert total == pytest.approx(after.scores[place], abs=1e-4)
    medoids = [one.medoid_item_id for one in after.interests]
    assert first not in medoids
    assert [one.item_count for one in after.interests] == [
        one.item_count for one in before.interests
    ]
    every = HiddenItems().hide(history)
    assert {one.medoid_item_id for one in retrieve(PLAIN, query, lambda _: every).interests} == {""}


def test_damped_items_and_cached_filters_obey(tmp_path: Path) -> None:
    """What a model keeps between requests knows nothing of what is hidden: it cannot be stale."""
    query = RetrieveQuery(UserQuery("u001"), count=10, popularity_damping=0.5)
    restricted = replace(query, restrictions=Restrictions(filter="year = 1"))

    def ids_beside(query: RetrieveQuery, hidden: HiddenItems) -> list[str]:
        return retrieve(PLAIN, query, lambda _: hidden).item_ids

    for one in (query, restricted):
        best = retrieve(PLAIN, one).item_ids[0]
        assert best not in ids_beside(one, HiddenItems().hide((best,)))
        assert retrieve(PLAIN, one).item_ids[0] == best


def test_every_reader_sees_a_change_that_was_acknowledged(tmp_path: Path) -> None:
    """Readers of other processes look at the file; any number of changes in one clock tick."""
    catalogs = Catalogs(tmp_path)
    hiding = Hiding(Catalogs(tmp_path))
    readers = [HiddenLists(catalogs), HiddenLists(Catalogs(tmp_path))]
    assert [one.of("default") for one in readers] == [None, None]
    for turn in range(200):
        item = f"i{turn % 2}"  # the same sizes again and again
        other = f"i{(turn + 1) % 2}"
        hiding.hide("default", (item,))
        hiding.show("default", (other,))
        found = [one.of("default") for one in readers]
        assert [one and one.hidden for one in found] == [(item,), (item,)]
    hiding.show("default", ("i0", "i1"))
    assert [one.of("default") for one in readers] == [None, None]
    for one in readers:
        one.close()


def test_a_damaged_list_stops_retrievals_rather_than_leak(tmp_path: Path) -> None:
    catalog = Catalogs(tmp_path).catalog("default")
    Hiding(Catalogs(tmp_path)).hide("default", ("i1",))
    catalog.hidden_path.write_text('{"generation": 1}')
    reader = HiddenLists(Catalogs(tmp_path))
    assert reader.of("default") is None
    catalog.hidden_path.unlink()
    catalog.hidden_path.write_text("{")
    with pytest.raises(ArtifactCorrupt):
        reader.of("default")
    reader.close()


def test_deleted_items_stay_deleted() -> None:
    found = HiddenItems().hide(("a", "b")).delete(("b", "c")).hide(("c",))
    assert (found.generation, found.hidden, found.deleted) == (3, ("a",), ("b", "c"))
    with pytest.raises(ItemDeleted, match="'b'"):
        found.show(("a", "b"))
    assert found.show(("a", "z")).hidden == ()


def test_the_list_has_an_end() -> None:
    full = HiddenItems(1, (), tuple(str(n) for n in range(ITEMS_MAX)))
    with pytest.raises(FieldInvalid, match=f"at most {ITEMS_MAX}"):
        full.hide(("one more",))
    assert len(full.hide(("7",))) == ITEMS_MAX


def test_an_export_leaves_hidden_items_out_and_goes_on_without_them(tmp_path: Path) -> None:
    """A part that was written before an item was hidden is made again, the others are kept."""
    spec = ExportSpec("m", "users", 39)
    hidden = HiddenItems()

    def run() -> None:
        visible: Callable[[], object] = lambda: PLAIN.hidden_rows(hidden)  # noqa: E731
        list(write_parts(PLAIN, spec, tmp_path, 1, pairs_a_part=80, hidden_now=visible))  # type: ignore[arg-type]

    run()
    made = {path: path.stat().st_ino for path in tmp_path.glob("part-*")}
    assert len(made) == 3
    item = item_id(7)
    hidden = hidden.hide((item,))
    run()
    for path in made:
        for row in parquet.read_table(path).to_pylist():
            query = RetrieveQuery(UserQuery(row["user_id"]), count=39)
            found = retrieve(PLAIN, query, lambda _: hidden)
            assert (row["item_ids"], row["scores"]) == (found.item_ids, found.scores)
    again = {path: path.stat().st_ino for path in made}
    run()
    assert {path: path.stat().st_ino for path in made} == again


def test_a_training_knows_nothing_of_deleted_items(tmp_path: Path) -> None:
    """Events and item rows both; hidden items stay, as they may be shown again."""
    events = pa.table({"user": ["u1", "u1", "u2", "u3"], "item": ["a", "b", "b", "c"]})
    parquet.write_table(events, tmp_path / "events.parquet")
    items = pa.table({"item": ["a", "b", "c", "d"], "year": [1, 2, 3, 4]})
    parquet.write_table(items, tmp_path / "items.parquet")
    spec = TrainingSpec(
        "default",
        "m",
        EventSource(str(tmp_path / "events.parquet")),
        ItemSource(str(tmp_path / "items.parquet")),
    )
    data = prepare(spec, None, 1, lambda _: None, ("c", "unheard of"))
    assert data.items.ids(np.arange(len(data.items), dtype=np.int32)) == ["a", "b"]
    assert data.users.ids(np.arange(len(data.users), dtype=np.int32)) == ["u1", "u2"]
    assert data.attributes is not None
    assert data.attributes["year"].to_pylist() == [1, 2]
    with pytest.raises(Exception, match="every event is of a deleted item"):
        prepare(spec, None, 1, lambda _: None, ("a", "b", "c"))


def test_item_rows_without_events_are_deleted_too() -> None:
    """Item features would place them, were they still in the table."""
    table = AttributeTable(PLAIN.items, YEARS, {})
    left = items_without(table, (item_id(0), item_id(2)))
    assert len(left.ids) == COUNT - 2
    assert left.attributes["year"].to_pylist()[:2] == [1, 0]
    assert items_without(table, ()) is table
