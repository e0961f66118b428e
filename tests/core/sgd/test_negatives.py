"""Negative sampling: never a positive, the promised distribution, the same at any threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.sgd.negatives import NegativeSampler

CHI_SQUARE_LIMIT = 6.0  # standard deviations of the statistic: fails once in a billion fair runs


def interactions_of(pairs: list[tuple[int, int]], users: int, items: int) -> Interactions:
    rows = np.array(pairs, np.int32).reshape(-1, 2)
    events = Events(rows[:, 0].copy(), rows[:, 1].copy(), np.ones(len(rows), np.float32))
    return build_interactions(events, users, items, aggregate="max")


def random_interactions(users: int, items: int, share: float, seed: int = 0) -> Interactions:
    chosen = np.argwhere(np.random.default_rng(seed).random((users, items)) < share)
    return interactions_of([tuple(pair) for pair in chosen], users, items)


def chi_square_deviation(observed: np.ndarray, probabilities: np.ndarray) -> float:
    """Return how many standard deviations the chi-square statistic is from its mean."""
    expected = probabilities * observed.sum()
    kept = expected > 0
    statistic = ((observed[kept] - expected[kept]) ** 2 / expected[kept]).sum()
    freedom = kept.sum() - 1
    return float((statistic - freedom) / np.sqrt(2 * freedom))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 70), st.floats(0, 1), st.integers(0, 40),
    st.booleans(), st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_a_sample_is_never_a_positive(
    users: int, items: int, share: float, count: int, weighted: bool, seed: int
) -> None:
    """Whatever the data: what is drawn is no positive, and what is not drawn is counted."""
    positives = random_interactions(users, items, share, seed % 1000)
    popularity = np.arange(1, items + 1) if weighted else None
    sampler = NegativeSampler(items, popularity)
    asked = np.arange(users, dtype=np.int32)
    drawn = sampler.sample(positives, asked, count, seed=seed, attempts_max=4, threads=1)
    assert drawn.misses == users * count - drawn.counts.sum()
    for user in range(users):
        samples, (columns, _) = drawn.of(user), positives.row(user)
        assert not np.isin(samples, columns).any()
        assert ((samples >= 0) & (samples < items)).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("count", [3, 500])
def test_samples_follow_the_distribution_without_the_positives(weighted: bool, count: int) -> None:
    """Few samples a user search the positives, many mark them: both paths are measured."""
    positives = interactions_of([(0, item) for item in range(0, 60, 2)], 1, 60)
    popularity = np.arange(60) ** 2.0
    sampler = NegativeSampler(60, popularity if weighted else None, power=0.75)
    asked = np.zeros(300_000 // count, np.int32)
    drawn = sampler.sample(positives, asked, count, seed=7, attempts_max=1000)
    assert drawn.misses == 0
    weights = popularity**0.75 if weighted else np.ones(60)
    weights[::2] = 0
    observed = np.bincount(drawn.items.ravel(), minlength=60)
    assert abs(chi_square_deviation(observed, weights / weights.sum())) < CHI_SQUARE_LIMIT


def test_a_mixture_draws_from_both_of_its_parts() -> None:
    """A quarter from all alike, items without popularity too; log_probability says the same."""
    popularity = np.arange(60) ** 2.0
    sampler = NegativeSampler(60, popularity, power=0.75, uniform_share=0.25)
    weights = 0.75 * popularity**0.75 / (popularity**0.75).sum() + 0.25 / 60
    drawn = sampler.draw(300_000, seed=11)
    assert abs(chi_square_deviation(np.bincount(drawn, minlength=60), weights)) < CHI_SQUARE_LIMIT
    every = np.arange(60, dtype=np.int32)
    np.testing.assert_allclose(np.exp(sampler.log_probability(every)), weights, rtol=1e-5)
    positives = interactions_of([(0, item) for item in range(0, 60, 2)], 1, 60)
    asked = np.zeros(600, np.int32)
    found = sampler.sample(positives, asked, 500, seed=12, attempts_max=1000)
    weights[::2] = 0
    observed = np.bincount(found.items.ravel(), minlength=60)
    assert abs(chi_square_deviation(observed, weights / weights.sum())) < CHI_SQUARE_LIMIT


@pytest.mark.parametrize("weighted", [False, True])
def test_threads_do_not_change_a_sample(weighted: bool) -> None:
    positives = random_interactions(3000, 200, 0.1)
    sampler = NegativeSampler(200, np.arange(200) if weighted else None)
    asked = np.arange(3000, dtype=np.int32)
    first, *others = (
        sampler.sample(positives, asked, 50, seed=3, threads=threads) for threads in (1, 2, 3)
    )
    for other in others:
        np.testing.assert_array_equal(other.items, first.items)
        np.testing.assert_array_equal(other.counts, first.counts)


def test_another_seed_draws_other_samples() -> None:
    positives, asked = random_interactions(10, 1000, 0.01), np.arange(10, dtype=np.int32)
    one, two = (NegativeSampler(1000).sample(positives, asked, 20, seed=s) for s in (1, 2))
    assert (one.items != two.items).mean() > 0.9


def test_a_user_who_knows_everything_gets_nothing() -> None:
    """All are misses, and the other users are not disturbed."""
    positives = interactions_of([(0, item) for item in range(5)], 2, 5)
    drawn = NegativeSampler(5).sample(positives, np.array([0, 1], np.int32), 8, seed=0)
    assert drawn.counts.tolist() == [0, 8]
    assert drawn.misses == 8


def test_an_empty_catalog_gives_misses_only() -> None:
    drawn = NegativeSampler(0).sample(interactions_of([], 1, 0), np.zeros(1, np.int32), 3, seed=0)
    assert drawn.misses == 3


def test_log_probabilities_are_the_logarithms_of_what_is_drawn() -> None:
    sampler = NegativeSampler(3, np.array([1.0, 3.0, 0.0]), power=1.0)
    found = np.exp(sampler.log_probability(np.array([0, 1, 2], np.int32)))
    np.testing.assert_allclose(found, [0.25, 0.75, 0.0], atol=1e-7)
    uniform = NegativeSampler(4).log_probability(np.array([[0, 3]], np.int32))
    np.testing.assert_allclose(uniform, np.log([[0.25, 0.25]]), rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_the_correction_makes_samples_stand_for_all_items(share: float) -> None:
    """The mean of e^(s - log Q) over samples is the sum of e^s over everything that is drawn."""
    popularity = np.arange(1, 201)
    sampler = NegativeSampler(200, popularity, power=1.0, uniform_share=share)
    scores = np.random.default_rng(4).normal(size=200)
    drawn = sampler.draw(400_000, seed=9)
    estimates = np.exp(scores[drawn] - sampler.log_probability(drawn))
    error = estimates.std() / np.sqrt(len(drawn))
    assert abs(estimates.mean() - np.exp(scores).sum()) < CHI_SQUARE_LIMIT * error


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"count": -1}, "count"),
        ({"attempts_max": 0}, "attempts_max"),
        ({"users": np.array([2], np.int32)}, "users"),
        ({"positives": interactions_of([], 2, 5)}, "items"),
    ],
)
def test_numbers_out_of_range_are_named(arguments: dict[str, object], problem: str) -> None:
    whole: dict[str, object] = {
        "positives": interactions_of([], 2, 4),
        "users": np.zeros(1, np.int32),
        "count": 1,
        "seed": 0,
    }
    with pytest.raises((SettingInvalid, DataInvalid), match=problem):
        NegativeSampler(4).sample(**(whole | arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [-0.1, 1.5, np.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(SettingInvalid, match="uniform_share"):
        NegativeSampler(2, [1.0, 1.0], uniform_share=share)


@pytest.mark.parametrize("popularity", [[1.0], [0.0, 0.0], [1.0, -1.0], [1.0, np.nan]])
def test_a_popularity_that_is_no_distribution_is_refused(popularity: list[float]) -> None:
    with pytest.raises(DataInvalid, match="popularity"):
        NegativeSampler(2, popularity)
