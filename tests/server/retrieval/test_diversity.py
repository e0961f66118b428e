"""At most so many candidates a value, and marginal relevance, against plain Python."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.server.domain.query import Diversity, EmbeddingQuery, RetrieveQuery, UserQuery
from shortlist.server.domain.restrictions import Restrictions
from shortlist.server.errors import FieldInvalid, FilterUnknownField, QueryKindUnsupported
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.serving_model import ServingModel
from tests.oracles.diversity import first_per_value
from tests.oracles.retrieval import best_items
from tests.server.small_models import all_ids, popularity_model, small_model

CITIES = ["Bonn", "Köln", None, "Bonn", "Ulm"]
PAIRS = [[1, 2], None, [2, 2], [3, None], [1, 4]]
TAGS = [["new", "new"], [], None, ["hot", "new"], [None, "old"]]


def some_attributes(count: int) -> pa.Table:
    table = pa.table(
        {
            "city": [CITIES[row % 5] for row in range(count)],
            "tags": [TAGS[row * 7 % 5] for row in range(count)],
            "stars": [float(row % 3) for row in range(count)],
            "pair": pa.array([PAIRS[row * 3 % 5] for row in range(count)], pa.list_(pa.int8(), 2)),
            "place": [{"x": 1}] * count,
        }
    )
    return table.append_column("code", table["city"].combine_chunks().dictionary_encode())


TABLE = some_attributes(60)
MODEL = small_model(seed=4, item_count=60, attributes=TABLE)
VECTOR = EmbeddingQuery(np.array([1, -2, 0, 1], np.float32))


def values_of(attribute: str, row: int) -> set[object]:
    value = TABLE.column(attribute)[row].as_py()
    return (
        set(value if isinstance(value, list) else [value]) - {None} if value is not None else set()
    )


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["city", "tags", "pair", "stars", "code"]),
    st.integers(1, 20),
    st.integers(1, 70),
    st.lists(st.integers(0, 59), max_size=30),
    st.one_of(st.none(), st.integers(-3, 3).map(float)),
    st.booleans(),
)
def test_no_value_comes_more_often_and_nothing_is_missed(
    attribute: str,
    most: int,
    count: int,
    excluded: list[int],
    min_score: float | None,
    known: bool,
) -> None:
    """The whole ranking, walked in plain Python, is the truth; also for popular items."""
    query = RetrieveQuery(
        VECTOR if known else UserQuery("nobody"),
        count=count,
        exclude_item_ids=tuple(all_ids(MODEL)[row] for row in excluded),
        min_score=min_score,
        diversity=Diversity(attribute, most),
    )
    assert MODEL.space is not None
    scores = MODEL.space.item_vectors.astype(np.float64) @ VECTOR.values
    if not known:
        scores = MODEL.item_scores.astype(np.float64)
    ids, ranked = best_items(
        all_ids(MODEL), scores, count=60, excluded=query.exclude_item_ids, min_score=min_score
    )
    values = [values_of(attribute, all_ids(MODEL).index(one)) for one in ids]
    kept = first_per_value(values, most, count)
    found = retrieve(MODEL, query)
    assert found.item_ids == [ids[place] for place in kept]
    assert found.scores == [ranked[place] for place in kept]
    (batched,) = retrieve_each(lambda *_: MODEL, [query])
    assert batched == found


def test_a_large_catalog_is_walked_to_its_end() -> None:
    """The wanted rows lie beyond what the scan can rank: a city at the very end."""
    cities = pa.table({"city": ["Bonn"] * 11_990 + ["Ulm"] * 10})
    model = small_model(seed=1, item_count=12_000, attributes=cities)
    assert model.space is not None
    vectors = np.zeros((12_000, 4), np.float32)
    vectors[:, 0] = np.arange(12_000, 0, -1)
    falling = with_vectors(model, vectors)
    query = EmbeddingQuery(np.array([1, 0, 0, 0], np.float32))
    asked = RetrieveQuery(query, count=5, diversity=Diversity("city", 3))
    rows = [0, 1, 2, 11_990, 11_991]
    assert retrieve(falling, asked).item_ids == falling.items.ids(np.array(rows, np.int32))


def with_vectors(model: ServingModel, vectors: np.ndarray) -> ServingModel:
    assert model.space is not None
    scan = type(model.space.scan)(vectors)
    return replace(model, space=replace(model.space, item_vectors=vectors, scan=scan))


def test_marginal_relevance_reorders_and_keeps_the_scores() -> None:
    plain = retrieve(MODEL, RetrieveQuery(VECTOR, count=60))
    score_of = dict(zip(plain.item_ids, plain.scores, strict=True))
    same = retrieve(MODEL, RetrieveQuery(VECTOR, count=60, diversity=Diversity(mmr_strength=0.0)))
    assert same == plain
    varied = retrieve(MODEL, RetrieveQuery(VECTOR, count=60, diversity=Diversity(mmr_strength=0.7)))
    assert sorted(varied.item_ids) == sorted(plain.item_ids)
    assert varied.item_ids != plain.item_ids
    assert varied.item_ids[0] == plain.item_ids[0]
    assert varied.scores == [score_of[one] for one in varied.item_ids]


def test_marginal_relevance_spreads_the_front() -> None:
    """The mean cosine among the first ten falls as the strength grows."""
    assert MODEL.space is not None

    def closeness(strength: float) -> float:
        diversity = Diversity(mmr_strength=strength)
        found = retrieve(MODEL, RetrieveQuery(VECTOR, count=10, diversity=diversity))
        rows = [all_ids(MODEL).index(one) for one in found.item_ids]
        assert MODEL.space is not None
        vectors = MODEL.space.item_vectors[rows].astype(np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return float((vectors @ vectors.T).mean())

    assert closeness(0.0) > closeness(0.5) > closeness(1.0)


def test_both_hold_at_once() -> None:
    diversity = Diversity("city", 2, 0.5)
    found = retrieve(MODEL, RetrieveQuery(VECTOR, count=6, diversity=diversity))
    cities = [values_of("city", all_ids(MODEL).index(one)) for one in found.item_ids]
    assert len(found.item_ids) == 6
    assert all(cities.count({city}) <= 2 for city in ("Bonn", "Köln", "Ulm"))


def test_variety_holds_under_a_filter() -> None:
    """What a filter lets through is all there is, for limits, damping and interests alike."""
    names = tuple(all_ids(MODEL)[row] for row in range(8))
    query = RetrieveQuery(
        UserQuery("", names, (1.0,) * 8),
        count=10,
        restrictions=Restrictions(filter="stars >= 1"),
        diversity=Diversity("city", 3),
        popularity_damping=0.5,
        interests=2,
    )
    found = retrieve(MODEL, query)
    rows = [all_ids(MODEL).index(one) for one in found.item_ids]
    cities = [values_of("city", row) for row in rows]
    assert len(set(rows)) == 10
    assert all(row % 3 >= 1 for row in rows)
    assert all(cities.count({city}) <= 3 for city in ("Bonn", "Köln", "Ulm"))
    assert set(found.interest_of) == {0, 1}
    (batched,) = retrieve_each(lambda *_: MODEL, [query])
    assert batched == found


def test_an_unknown_attribute_lists_the_known_ones() -> None:
    with pytest.raises(FilterUnknownField, match="city, code, pair, place, stars, tags") as failure:
        retrieve(MODEL, RetrieveQuery(VECTOR, diversity=Diversity("town", 1)))
    assert failure.value.field == "diversity.attribute"
    with pytest.raises(FieldInvalid, match="struct"):
        retrieve(MODEL, RetrieveQuery(VECTOR, diversity=Diversity("place", 1)))


def test_a_model_without_vectors_refuses_marginal_relevance_and_keeps_limits() -> None:
    popular = popularity_model(seed=4, item_count=60, attributes=TABLE)
    asked = RetrieveQuery(UserQuery("u001"), diversity=Diversity(mmr_strength=0.1))
    with pytest.raises(QueryKindUnsupported, match="mmr_strength"):
        retrieve(popular, asked)
    found = retrieve(popular, RetrieveQuery(UserQuery("u"), diversity=Diversity("city", 1)))
    named = [values_of("city", all_ids(MODEL).index(one)) for one in found.item_ids]
    assert sorted(len(one) for one in named) == [0] * 12 + [1] * 3
