"""Several interests: each part asked on its own, merged by share, nothing twice."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from shortlist.core.data.interactions import FloatArray
from shortlist.core.linear.svd import SvdFoldIn
from shortlist.core.linear.svd_params import SvdParams
from shortlist.server.domain.query import (
    Diversity,
    Origin,
    RetrieveQuery,
    SearchMode,
    SearchReport,
    SimilarUsersQuery,
    UserQuery,
)
from shortlist.server.encoders.histories import AdditiveHistoryEncoder
from shortlist.server.errors import FieldInvalid, QueryKindUnsupported
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.interests import merge_by_share
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.retrieval.search import Found
from shortlist.server.retrieval.similar_users import similar_users
from tests.server.small_models import item_id, popularity_model, small_model, space_of, user_id

MODEL = small_model(seed=8, item_count=60)
SPACE = space_of(MODEL)
ROWS = [row for row in range(60) if SPACE.item_vectors[row].any()][:12]
VALUES = (1.0, -2.0, *(1.0,) * 10)
HISTORY = UserQuery("", tuple(map(item_id, ROWS)), VALUES)


def test_parts_are_retrieved_alone_and_merged_by_their_shares() -> None:
    """Each part, dislikes included, is what a request with only that part would get."""
    count = 15
    found = retrieve(MODEL, RetrieveQuery(HISTORY, count=count, interests=3, contributions_max=20))
    assert found.origin is Origin.FOLDED_IN
    assert len(found.interests) == 3
    assert sum(one.item_count for one in found.interests) == 11
    assert len(set(found.item_ids)) == len(found.item_ids) == len(found.interest_of) == count
    assert not set(found.item_ids) & set(HISTORY.history_item_ids)

    parts: list[dict[str, float]] = []
    for interest in found.interests:
        members = members_of(found.interests, interest.medoid_item_id)
        assert len(members) == interest.item_count
        names = (*members, item_id(ROWS[1]))
        values = (1.0,) * len(members) + (-2.0,)
        alone = RetrieveQuery(
            UserQuery("", names, values), count=60, exclude_item_ids=HISTORY.history_item_ids
        )
        answer = retrieve(MODEL, alone)
        parts.append(dict(zip(answer.item_ids, answer.scores, strict=True)))
    sizes = [one.item_count for one in found.interests]
    expected: list[tuple[str, int]] = []
    by_share = sorted(
        (Fraction(rank, sizes[place]), place, name)
        for place, part in enumerate(parts)
        for rank, name in enumerate(part, start=1)
    )
    for _, place, name in by_share:
        if name not in [one for one, _ in expected]:
            expected.append((name, place))
    assert list(zip(found.item_ids, found.interest_of, strict=True)) == expected[:count]
    for name, place, score, reason in zip(
        found.item_ids, found.interest_of, found.scores, found.reasons, strict=True
    ):
        assert score == pytest.approx(parts[place][name], abs=1e-5)
        assert set(reason.item_ids) <= set(
            members_of(found.interests, found.interests[place].medoid_item_id)
        )
        assert sum(reason.amounts) + reason.remainder == pytest.approx(score)
        assert reason.remainder == pytest.approx(0.0, abs=1e-4)


def members_of(interests: list, medoid: str) -> list[str]:  # type: ignore[type-arg]
    """Return the liked items of the history that are nearer to this medoid than to the others."""

    def direction(name: str) -> np.ndarray:
        assert MODEL.space is not None
        vector = MODEL.space.item_vectors[int(name[1:])].astype(np.float64)
        unit: np.ndarray = vector / np.linalg.norm(vector)
        return unit

    medoids = sorted(one.medoid_item_id for one in interests)
    liked = [
        name for name, value in zip(HISTORY.history_item_ids, VALUES, strict=True) if value > 0
    ]
    return [
        name
        for name in liked
        if max(medoids, key=lambda one: float(direction(one) @ direction(name))) == medoid
    ]


def test_limits_hold_and_scores_reach_the_least() -> None:
    query = RetrieveQuery(HISTORY, count=60, interests=2, min_score=0.1)
    found = retrieve(MODEL, query)
    assert 0 < len(found.item_ids) < 48
    assert min(found.scores) >= 0.1
    (batched,) = retrieve_each(lambda *_: MODEL, [query])
    assert batched == found
    varied = RetrieveQuery(HISTORY, count=9, interests=2, diversity=Diversity(mmr_strength=0.5))
    assert len(set(retrieve(MODEL, varied).item_ids)) == 9


@pytest.mark.parametrize("user", [user_id(1), "nobody"])
def test_what_has_one_interest_is_asked_as_one(user: str) -> None:
    query = RetrieveQuery(UserQuery("", (item_id(ROWS[0]),), (1.0,)), interests=8)
    assert retrieve(MODEL, query) == retrieve(MODEL, RetrieveQuery(query.query))
    for interests in (0, 1):
        found = retrieve(MODEL, RetrieveQuery(UserQuery(user), interests=interests))
        assert (found.interests, found.interest_of) == ([], [])


def test_a_stored_user_has_interests_too() -> None:
    row = int(np.diff(MODEL.seen.row_starts).argmax())
    found = retrieve(MODEL, RetrieveQuery(UserQuery(user_id(row)), interests=2))
    assert found.origin is Origin.FOLDED_IN
    assert len(found.interests) == 2


def test_an_answer_is_approximate_where_one_part_is() -> None:
    """A part that the index answered too shortly is scanned; the other may still miss items."""
    rows, scores = np.arange(2, dtype=np.int32), np.ones(2, np.float32)
    exact = Found(rows, scores, SearchReport(SearchMode.EXACT, 60, 60))
    near = Found(rows + 1, scores, SearchReport(SearchMode.APPROXIMATE, 60, 9))
    for founds in ([exact, near], [near, exact]):
        assert merge_by_share(founds, [2, 1], 4).report is near.report
    assert merge_by_share([exact, exact], [2, 1], 4).report is exact.report


def projection(vectors: FloatArray) -> AdditiveHistoryEncoder:
    return AdditiveHistoryEncoder(SvdFoldIn(vectors, SvdParams(dim=4)))


def test_values_that_cancel_in_the_whole_history_are_too_large_for_its_parts() -> None:
    """Each part has all the dislikes, so a part's vector may be long where the whole is not."""
    assert SPACE is not None
    linear = replace(SPACE, encoder=projection(SPACE.item_vectors))
    model = replace(MODEL, space=linear)
    large = tuple(1e20 if value > 0 else -1e20 for value in VALUES)
    for interests in (0, 3):
        asked = RetrieveQuery(UserQuery("", HISTORY.history_item_ids, large), interests=interests)
        with pytest.raises(FieldInvalid, match=r"^query\.user\.history: .*too large"):
            retrieve(model, asked)
    with pytest.raises(FieldInvalid, match=r"^user\.history: .*too large"):
        similar_users(model, SimilarUsersQuery(UserQuery("", HISTORY.history_item_ids, large)))
    with pytest.raises(FieldInvalid, match=r"^queries\[0\]\.user\.history: .*too large"):
        embed(model, [UserQuery("", HISTORY.history_item_ids, large)])
    opposite = next(row for row in range(60) if row not in ROWS)
    vectors = SPACE.item_vectors.copy()
    vectors[ROWS[:3]], vectors[opposite] = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0]], [2, 2, 0, 0]
    space = replace(SPACE, item_vectors=vectors, encoder=projection(vectors))
    names = (*map(item_id, ROWS[:3]), item_id(opposite))
    cancelling = UserQuery("", names, (1e20, 1e20, 1e20, -1e20))
    asked = RetrieveQuery(cancelling, count=3)
    assert retrieve(replace(MODEL, space=space), asked).item_ids
    with pytest.raises(FieldInvalid, match=r"^query\.user\.history: .*too large"):
        retrieve(replace(MODEL, space=space), replace(asked, interests=2))


def test_a_model_without_vectors_refuses() -> None:
    with pytest.raises(QueryKindUnsupported, match="interests"):
        retrieve(
            popularity_model(seed=8, item_count=60), RetrieveQuery(UserQuery("u001"), interests=2)
        )
