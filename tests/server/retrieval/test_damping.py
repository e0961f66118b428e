"""Popularity damping is the score divided by a power of the item's length, everywhere."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.server.domain.query import EmbeddingQuery, Origin, RetrieveQuery, UserQuery
from shortlist.server.errors import QueryKindUnsupported
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.serving_model import ServingModel
from tests.server.small_models import all_ids, popularity_model, small_model, space_of, with_offsets

MODEL = small_model(seed=5, item_count=50)
SPACE = space_of(MODEL)
VECTORS = SPACE.item_vectors.astype(np.float64)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-2, 2), min_size=4, max_size=4),
    st.floats(0.01, 1),
    st.integers(1, 60),
    st.sets(st.integers(0, 49), max_size=20),
    st.booleans(),
    st.one_of(st.none(), st.integers(-2, 2).map(float)),
)
def test_the_damped_ranking_is_the_oracles(
    numbers: list[int],
    exponent: float,
    count: int,
    named: set[int],
    only_named: bool,
    min_score: float | None,
) -> None:
    """Scanned or gathered, alone or in a batch, with min_score on the damped score."""
    lengths = np.linalg.norm(VECTORS, axis=1)
    scores = VECTORS @ np.array(numbers, np.float64)
    scores[lengths > 0] /= lengths[lengths > 0] ** exponent
    ids = tuple(all_ids(MODEL)[row] for row in sorted(named))
    query = RetrieveQuery(
        EmbeddingQuery(np.array(numbers, np.float32)),
        count=count,
        popularity_damping=exponent,
        min_score=min_score,
        candidate_item_ids=ids if only_named else (),
        exclude_item_ids=() if only_named else ids,
    )
    found = retrieve(MODEL, query)
    rows = [all_ids(MODEL).index(one) for one in found.item_ids]
    np.testing.assert_allclose(found.scores, scores[rows], rtol=1e-6, atol=1e-6)
    allowed = named if only_named and named else set(range(50)) - named
    if not named:
        allowed = set(range(50))
    enough = [
        s for s in (float(scores[row]) for row in allowed) if min_score is None or s >= min_score
    ]
    expected = sorted(enough, reverse=True)[:count]
    if min_score is None:
        np.testing.assert_allclose(found.scores, expected, rtol=1e-6, atol=1e-6)
    (batched,) = retrieve_each(lambda *_: MODEL, [query])
    assert batched == found


def test_the_whole_exponent_ranks_by_cosine() -> None:
    query = RetrieveQuery(EmbeddingQuery(np.array([1, 1, 0, 0], np.float32)), count=50)
    found = retrieve(MODEL, replace(query, popularity_damping=1.0))
    assert max(found.scores) <= np.sqrt(2) + 1e-6
    assert retrieve(MODEL, replace(query, popularity_damping=0.0)) == retrieve(MODEL, query)


def test_damping_leaves_the_query_and_the_reasons_whole() -> None:
    """The history is folded in against the items as they were trained."""
    history = UserQuery("", ("i004", "i007"), (1.0, 1.0))
    plain = retrieve(MODEL, RetrieveQuery(history, count=50, contributions_max=20))
    scaled = retrieve(
        MODEL, RetrieveQuery(history, count=50, contributions_max=20, popularity_damping=0.5)
    )
    score_of = dict(zip(plain.item_ids, plain.scores, strict=True))
    for name, score, reason in zip(scaled.item_ids, scaled.scores, scaled.reasons, strict=True):
        length = float(np.linalg.norm(VECTORS[all_ids(MODEL).index(name)]))
        assert score == pytest.approx(score_of[name] / max(length, 1e-9) ** 0.5, abs=1e-5)
        assert sum(reason.amounts) + reason.remainder == pytest.approx(score)
        assert reason.remainder == pytest.approx(0.0, abs=1e-4)


def test_popular_items_and_models_without_lengths() -> None:
    nobody = RetrieveQuery(UserQuery("nobody"), popularity_damping=0.5)
    found = retrieve(MODEL, nobody)
    assert found == retrieve(MODEL, replace(nobody, popularity_damping=0.0))
    assert found.origin is Origin.POPULARITY
    ratings = with_offsets(MODEL)
    for refused in (ratings, popularity_model(seed=5, item_count=50)):
        with pytest.raises(QueryKindUnsupported, match="popularity_damping"):
            retrieve(refused, RetrieveQuery(UserQuery("u001"), popularity_damping=0.5))


def test_a_model_keeps_the_scaled_items_of_two_exponents() -> None:
    model = small_model(seed=6, item_count=9)
    made: list[float] = []

    def make(exponent: float) -> ServingModel:
        made.append(exponent)
        return model

    for exponent in (0.1, 0.2, 0.1, 0.3, 0.1, 0.2):
        model.damped.get(exponent, partial(make, exponent))
    assert made == [0.1, 0.2, 0.3, 0.2]
