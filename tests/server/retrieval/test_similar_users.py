"""Similar users against cosines in float64; the asked user never comes back."""

import numpy as np
import pytest

from shortlist.server.domain.query import Origin, SimilarUsersQuery, UserQuery
from shortlist.server.errors import QueryKindUnsupported, UserUnknown
from shortlist.server.retrieval.retrieve import embed
from shortlist.server.retrieval.similar_users import similar_users
from tests.server.small_models import popularity_model, small_model, space_of, user_id, with_offsets

MODEL = small_model(seed=2, item_count=30, user_count=40)
SPACE = space_of(MODEL)
USERS = SPACE.user_vectors.astype(np.float64)


def cosines(vector: np.ndarray, vectors: np.ndarray = USERS) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
    found = np.zeros(len(vectors))
    np.divide(vectors @ vector, lengths, out=found, where=lengths > 0)
    return found


@pytest.mark.parametrize("count", [1, 7, 100])
def test_every_user_is_ranked_by_cosine_but_the_asked_and_the_excluded(count: int) -> None:
    query = SimilarUsersQuery(UserQuery(user_id(3)), count=count, exclude_user_ids=("u005", "x"))
    found = similar_users(MODEL, query)
    expected = cosines(USERS[3])
    allowed = [row for row in range(40) if row not in (3, 5)]
    assert len(found.user_ids) == min(count, 38)
    assert not {"u003", "u005"} & set(found.user_ids)
    rows = [int(one[1:]) for one in found.user_ids]
    np.testing.assert_allclose(found.scores, expected[rows], atol=1e-6)
    best = sorted((expected[row] for row in allowed), reverse=True)[:count]
    np.testing.assert_allclose(found.scores, best, atol=1e-6)
    pairs = [(-score, name) for score, name in zip(found.scores, found.user_ids, strict=True)]
    assert pairs == sorted(pairs)
    assert found.origin is Origin.STORED


def test_a_history_finds_users_too() -> None:
    user = UserQuery("nobody", ("i004", "i007", "never"), (1.0, 1.0, 1.0))
    found = similar_users(MODEL, SimilarUsersQuery(user))
    vector = embed(MODEL, [user])[0].values
    assert vector is not None
    assert (found.origin, found.missing_ids) == (Origin.FOLDED_IN, ["nobody", "never"])
    assert len(found.user_ids) == 40
    np.testing.assert_allclose(found.scores, sorted(cosines(vector))[::-1], atol=1e-6)


def test_biases_do_not_make_users_alike() -> None:
    """The last two coordinates of a model of ratings are no direction."""
    ratings = with_offsets(MODEL)
    found = similar_users(ratings, SimilarUsersQuery(UserQuery(user_id(3))))
    expected = np.delete(cosines(USERS[3, :2], USERS[:, :2]), 3)
    np.testing.assert_allclose(found.scores, np.sort(expected)[::-1], atol=1e-6)


def test_who_is_unknown_has_no_similar_users() -> None:
    with pytest.raises(UserUnknown):
        similar_users(MODEL, SimilarUsersQuery(UserQuery("nobody")))
    with pytest.raises(QueryKindUnsupported):
        similar_users(popularity_model(seed=2, item_count=9), SimilarUsersQuery(UserQuery("u001")))
