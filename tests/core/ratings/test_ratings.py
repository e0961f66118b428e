"""Explicit ratings: the cost against plain loops, the solvers, the course's figures."""

import csv
import itertools
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.errors import SettingInvalid
from shortlist.core.ratings.params import RatingParams
from shortlist.core.ratings.rating_rows import solve_rows
from shortlist.core.ratings.ratings import RatingFactors, rating_cost, train_ratings


def ratings_of(triples: list[tuple[int, int, float]], shape: tuple[int, int]) -> Interactions:
    users, items, values = (
        (np.array(c) for c in zip(*triples, strict=True)) if triples else ([], [], [])
    )
    events = Events(
        np.array(users, np.int32), np.array(items, np.int32), np.array(values, np.float32)
    )
    return build_interactions(events, *shape, aggregate="last")


def random_ratings(users: int, items: int, share: float, seed: int = 0) -> Interactions:
    rng = np.random.default_rng(seed)
    observed = np.argwhere(rng.random((users, items)) < share)
    return ratings_of([(u, i, float(rng.integers(1, 6))) for u, i in observed], (users, items))


def plain_cost(ratings: Interactions, factors: RatingFactors, params: RatingParams) -> float:
    """The docstring's formula, one rating at a time."""
    cost, item_counts = 0.0, np.zeros(ratings.column_count)
    for user in range(ratings.row_count):
        columns, values = ratings.row(user)
        for item, value in zip(columns, values, strict=True):
            dot = float(factors.users[user] @ factors.items[item])
            predicted = (
                factors.means[item] + factors.user_bias[user] + factors.item_bias[item] + dot
            )
            cost += (predicted - value) ** 2 / 2
            item_counts[item] += 1
        weight = params.regularization * len(columns) ** params.regularization_exponent
        cost += weight / 2 * float(factors.users[user] @ factors.users[user])
    for item, count in enumerate(item_counts):
        weight = params.regularization * count**params.regularization_exponent
        cost += weight / 2 * float(factors.items[item] @ factors.items[item])
    biases = (factors.user_bias**2).sum() + (factors.item_bias**2).sum()
    return cost + params.bias_regularization / 2 * float(biases)


@pytest.mark.parametrize("nu", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("mean", ["global", "item"])
def test_cost_is_the_documented_formula(nu: float, mean: Literal["global", "item"]) -> None:
    ratings = random_ratings(7, 9, 0.4)
    params = RatingParams(dim=3, epochs=2, regularization_exponent=nu, mean=mean)
    factors = train_ratings(ratings, params)
    assert rating_cost(ratings, factors, params) == pytest.approx(
        plain_cost(ratings, factors, params)
    )


@pytest.mark.parametrize("item_bias", [True, False])
@pytest.mark.parametrize("mean", ["global", "item"])
def test_cost_never_rises_over_an_als_epoch(
    mean: Literal["global", "item"], item_bias: bool
) -> None:
    """Each half step is an exact minimum over one side."""
    params = RatingParams(dim=4, epochs=10, mean=mean, item_bias=item_bias, seed=3)
    losses = train_ratings(random_ratings(30, 20, 0.3), params).losses
    assert all(later <= earlier * (1 + 1e-9) for earlier, later in itertools.pairwise(losses))


def test_als_and_adam_find_costs_of_the_same_height() -> None:
    """Two solvers of one cost: Adam, given time, comes down to where ALS is."""
    ratings = random_ratings(20, 15, 0.4)
    settled = train_ratings(ratings, RatingParams(dim=2, epochs=200))
    walked = train_ratings(
        ratings, RatingParams(dim=2, epochs=3000, solver="adam", learning_rate=0.02)
    )
    assert walked.losses[-1] == pytest.approx(settled.losses[-1], rel=0.02)


def test_users_and_items_without_ratings_get_the_means() -> None:
    """User 2 and item 2 occur nowhere."""
    ratings = ratings_of([(0, 0, 5.0), (0, 1, 3.0), (1, 0, 4.0)], (3, 3))
    factors = train_ratings(ratings, RatingParams(dim=2, mean="item", item_bias=False))
    assert factors.predict(np.array([2], np.int32), np.array([0], np.int32))[0] == pytest.approx(
        4.5
    )
    assert factors.predict(np.array([2], np.int32), np.array([2], np.int32))[0] == pytest.approx(
        4.0
    )


def test_no_ratings_at_all_train_to_zeros() -> None:
    factors = train_ratings(ratings_of([], (2, 2)), RatingParams(dim=2, epochs=1))
    assert factors.losses == (0.0,)
    assert not factors.users.any()


def test_a_singular_row_gets_its_smallest_solution() -> None:
    """Without regularization one rating cannot determine two numbers; nothing overflows."""
    params = RatingParams(dim=4, epochs=3, regularization=0.0, bias_regularization=0.0)
    factors = train_ratings(ratings_of([(0, 0, 5.0), (1, 1, 1.0)], (2, 2)), params)
    predicted = factors.predict(np.array([0, 1], np.int32), np.array([0, 1], np.int32))
    np.testing.assert_allclose(predicted, [5.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("biased", [True, False])
def test_rows_are_solved_as_a_slow_solver_does(biased: bool) -> None:
    rng = np.random.default_rng(1)
    ratings = random_ratings(40, 30, 0.3)
    fixed, offsets, ridges = rng.normal(size=(30, 7)), rng.normal(size=30), rng.random(40) + 0.1
    bias_ridge = 0.5 if biased else None
    vectors, biases = solve_rows(ratings, fixed, offsets, ridges, bias_ridge=bias_ridge)
    for row in range(40):
        columns, values = ratings.row(row)
        features = np.hstack([fixed[columns], np.ones((len(columns), 1))])[:, : 7 + biased]
        ridge = np.diag([ridges[row]] * 7 + [0.5] * biased)
        system, target = features.T @ features + ridge, features.T @ (values - offsets[columns])
        expected = np.linalg.solve(system, target)
        np.testing.assert_allclose(vectors[row], expected[:7], atol=1e-9)
        assert biases[row] == pytest.approx(expected[7] if biased else 0.0, abs=1e-9)


@pytest.mark.parametrize("solver", ["als", "adam"])
def test_the_same_bits_at_any_number_of_threads(solver: Literal["als", "adam"]) -> None:
    ratings = random_ratings(150, 140, 0.2)
    params = RatingParams(dim=5, epochs=3, solver=solver)
    first, *others = (train_ratings(ratings, params, threads=threads) for threads in (1, 2, 3))
    for other in others:
        np.testing.assert_array_equal(first.users, other.users)
        np.testing.assert_array_equal(first.items, other.items)
        assert first.losses == other.losses


@pytest.mark.parametrize(
    ("field", "value"), [("dim", 0), ("epochs", 0), ("regularization", -1.0), ("solver", "x")]
)
def test_settings_out_of_range_are_named(field: str, value: object) -> None:
    with pytest.raises(SettingInvalid, match=field):
        RatingParams(**{field: value})  # type: ignore[arg-type]


# ---- the course's collaborative lab -------------------------------------------------------------

NEW_USER = {
    2700: 5,
    2609: 2,
    929: 5,
    246: 5,
    2716: 3,
    1150: 5,
    382: 2,
    366: 5,
    622: 5,
    988: 3,
    2925: 1,
    2937: 1,
    793: 5,
}


def table(folder: Path, name: str) -> np.ndarray:
    return np.loadtxt(folder / f"small_movies_{name}.csv", delimiter=",", ndmin=2)


@pytest.mark.real_data
@pytest.mark.parametrize(("regularization", "published"), [(0.0, 13.67), (1.5, 28.09)])
def test_cost_reproduces_the_course(
    real_data: Path, regularization: float, published: float
) -> None:
    """The lab's check: first 5 movies, 4 users, 3 features, the given X, W, b, no normalization."""
    folder = real_data / "coursera-collab"
    values, observed = table(folder, "Y")[:5, :4], table(folder, "R")[:5, :4]
    triples = [(int(u), int(i), float(values[i, u])) for i, u in np.argwhere(observed)]
    factors = RatingFactors(
        np.zeros(5), table(folder, "b")[0, :4], np.zeros(5),
        table(folder, "W")[:4, :3], table(folder, "X")[:5, :3], (),
    )  # fmt: skip
    params = RatingParams(
        regularization=regularization,
        regularization_exponent=0.0,
        bias_regularization=0.0,
        mean="item",
    )
    assert rating_cost(ratings_of(triples, (4, 5)), factors, params) == pytest.approx(
        published, abs=0.005
    )


@pytest.mark.real_data
def test_new_user_of_the_course_gets_the_courses_predictions(real_data: Path) -> None:
    """100 features, lambda 1, 200 Adam steps of 0.1; the course's own gives 4.89 for 5."""
    folder = real_data / "coursera-collab"
    values, observed = table(folder, "Y"), table(folder, "R")
    others, items = np.nonzero(observed.T)
    users = np.concatenate([np.zeros(len(NEW_USER), int), others + 1]).astype(np.int32)
    new_items = np.array(list(NEW_USER))
    ratings = np.concatenate([list(NEW_USER.values()), values[items, users[len(NEW_USER) :] - 1]])
    events = Events(
        users, np.concatenate([new_items, items]).astype(np.int32), ratings.astype(np.float32)
    )
    matrix = build_interactions(events, values.shape[1] + 1, len(values), aggregate="last")
    params = RatingParams(
        dim=100, epochs=200, solver="adam", mean="item", item_bias=False, regularization=1.0,
        regularization_exponent=0.0, bias_regularization=0.0, init_stddev=1.0, seed=1234,
    )  # fmt: skip
    factors = train_ratings(matrix, params)
    with (folder / "small_movie_list.csv").open() as lines:
        first = next(csv.DictReader(lines))
    assert float(first["mean rating"]) == pytest.approx(3.4)
    assert values[0][observed[0] == 1].mean() == pytest.approx(3.4)
    everything = factors.predict(
        np.zeros(len(values), np.int32), np.arange(len(values), dtype=np.int32)
    )
    for movie, rating in NEW_USER.items():
        assert abs(everything[movie] - rating) <= 0.6, (movie, rating, everything[movie])
    unseen = np.delete(everything, new_items)
    assert 4.0 <= unseen.max() <= 5.0


@pytest.mark.real_data
def test_movielens_100k_error_is_as_good_as_classic_models(real_data: Path) -> None:
    """Mean RMSE of the five given folds; classic SVD-type models reach 0.91 to 0.94."""
    errors = []
    for fold in range(1, 6):
        parts = [
            np.loadtxt(real_data / "ml-100k" / f"u{fold}.{part}", dtype=np.int32)
            for part in ("base", "test")
        ]
        users, items, values = (parts[0][:, c] for c in range(3))
        events = Events(users - 1, items - 1, values.astype(np.float32))
        factors = train_ratings(
            build_interactions(events, 943, 1682, aggregate="last"), RatingParams(epochs=8)
        )
        predicted = factors.predict(parts[1][:, 0] - 1, parts[1][:, 1] - 1).clip(1, 5)
        errors.append(float(np.sqrt(np.mean((predicted - parts[1][:, 2]) ** 2))))
    assert np.mean(errors) <= 0.915, errors
