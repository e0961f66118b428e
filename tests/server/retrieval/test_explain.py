"""Explanations: contributions and remainder are the score, and each is what its item added."""

from dataclasses import replace

import numpy as np
import pytest

from shortlist.server.domain.query import (
    Candidates,
    EmbeddingQuery,
    ItemsQuery,
    Query,
    RetrieveQuery,
    UserQuery,
)
from shortlist.server.errors import QueryKindUnsupported
from shortlist.server.retrieval.retrieve import retrieve
from tests.oracles.retrieval import items_vector
from tests.oracles.wals import solve_parts
from tests.server.small_models import (
    PARAMS,
    all_ids,
    item_id,
    popularity_model,
    small_model,
    space_of,
    user_id,
)

MODEL = small_model(seed=3, item_count=30)
SPACE = space_of(MODEL)
VECTORS = SPACE.item_vectors.astype(np.float64)
ALL = 20


def explained(query: Query, most: int = ALL) -> Candidates:
    found = retrieve(MODEL, RetrieveQuery(query, count=30, contributions_max=most))
    assert len(found.reasons) == len(found.item_ids) > 0
    for score, reason in zip(found.scores, found.reasons, strict=True):
        assert sum(reason.amounts) + reason.remainder == pytest.approx(score, abs=1e-9)
        assert all(reason.amounts)
        pairs = list(zip([-abs(one) for one in reason.amounts], reason.item_ids, strict=True))
        assert pairs == sorted(pairs)
    return found


def test_a_history_explains_its_candidates() -> None:
    """Each amount is the candidate's inner product with the item's part of the vector."""
    rows, values = [4, 7, 11], (1.0, 3.0, -2.0)
    query = UserQuery("", tuple(map(item_id, rows)), values)
    found = explained(query)
    single = replace(MODEL.seen, row_starts=np.array([0, 3]), columns=np.array(rows, np.int32),
                     values=np.array(values, np.float32))  # fmt: skip
    parts = solve_parts(single, SPACE.item_vectors, PARAMS, 0)
    for name, reason in zip(found.item_ids, found.reasons, strict=True):
        amounts = parts @ VECTORS[all_ids(MODEL).index(name)]
        expected = {item_id(r): a for r, a in zip(rows, amounts, strict=True) if abs(a) > 1e-12}
        named = dict(zip(reason.item_ids, reason.amounts, strict=True))
        assert named == pytest.approx(expected, abs=1e-6)
        assert item_id(11) not in named  # a dislike's target is 0: it adds nothing
        assert reason.remainder == pytest.approx(0.0, abs=1e-4)


def test_only_the_largest_contributions_are_named_and_the_remainder_has_the_rest() -> None:
    query = UserQuery("", tuple(map(item_id, range(8))), (1.0,) * 8)
    whole, two = explained(query), explained(query, most=2)
    for full, cut in zip(whole.reasons, two.reasons, strict=True):
        assert cut.item_ids == full.item_ids[:2]
        assert cut.remainder == pytest.approx(full.remainder + sum(full.amounts[2:]))


def test_a_stored_users_remainder_holds_the_distance_from_the_exact_solution() -> None:
    """The small model's users are random numbers: far from what their events would give."""
    row = int(np.diff(MODEL.seen.row_starts).argmax())
    found = explained(UserQuery(user_id(row)))
    events, values = MODEL.seen.row(row)
    folded = retrieve(
        MODEL,
        RetrieveQuery(
            UserQuery("", tuple(MODEL.items.ids(events)), tuple(values.tolist())), count=30
        ),
    )
    exact = dict(zip(folded.item_ids, folded.scores, strict=True))
    for name, reason in zip(found.item_ids, found.reasons, strict=True):
        assert sum(reason.amounts) == pytest.approx(exact[name], abs=1e-3)


def test_a_stored_user_without_events_has_nothing_to_name() -> None:
    row = int(np.diff(MODEL.seen.row_starts).argmin())
    assert not len(MODEL.seen.row(row)[0])
    found = explained(UserQuery(user_id(row)))
    assert [one.remainder for one in found.reasons] == found.scores


def test_an_items_query_is_explained_by_its_positives_and_negatives() -> None:
    query = ItemsQuery(("i004", "i007", "i004"), ("i009", "i007"))
    found = explained(query)
    shares = {
        "i004": items_vector(VECTORS, [4], []) / 2,
        "i007": items_vector(VECTORS, [7], []) / 2 - items_vector(VECTORS, [7], []) / 2,
        "i009": -items_vector(VECTORS, [9], []) / 2,
    }
    for name, reason in zip(found.item_ids, found.reasons, strict=True):
        vector = VECTORS[all_ids(MODEL).index(name)]
        expected = {one: float(part @ vector) for one, part in shares.items() if part @ vector}
        assert dict(zip(reason.item_ids, reason.amounts, strict=True)) == pytest.approx(expected)


@pytest.mark.parametrize("query", [UserQuery("nobody"), EmbeddingQuery(np.ones(4, np.float32))])
def test_what_no_items_made_is_all_remainder(query: Query) -> None:
    found = explained(query)
    assert [one.remainder for one in found.reasons] == found.scores
    assert not any(one.item_ids for one in found.reasons)


def test_a_model_without_vectors_refuses_to_explain() -> None:
    with pytest.raises(QueryKindUnsupported, match="explain"):
        retrieve(
            popularity_model(seed=3, item_count=30),
            RetrieveQuery(UserQuery("u001"), contributions_max=3),
        )
