"""Paired comparisons: they find what is there, and as often as they say."""

import numpy as np
import pytest

from shortlist.core.errors import SettingInvalid
from shortlist.core.metrics.bootstrap import paired_bootstrap, paired_bootstraps


def test_a_real_difference_is_told_from_noise() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(400)
    better = base + 0.05 + 0.1 * rng.standard_normal(400)
    clear = paired_bootstrap(better, base, seed=1)
    assert clear.low < clear.mean < clear.high
    assert clear.is_clear
    assert clear.mean == pytest.approx(np.mean(better - base))
    same = paired_bootstrap(base + 0.1 * rng.standard_normal(400), base, seed=1)
    assert not same.is_clear
    assert paired_bootstrap(better, base, seed=1) == clear


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(100):
        difference = rng.standard_normal(60) + 0.3
        interval = paired_bootstrap(difference, np.zeros(60), seed, samples=300, confidence=0.9)
        covered += interval.low <= 0.3 <= interval.high
    assert 80 <= covered <= 98


def test_comparisons_that_make_no_sense_are_refused() -> None:
    ones = np.ones(4)
    with pytest.raises(SettingInvalid, match="a, b="):
        paired_bootstrap(ones, ones[:3])
    with pytest.raises(SettingInvalid, match="a, b="):
        paired_bootstrap(ones[:0], ones[:0])
    with pytest.raises(SettingInvalid, match="samples="):
        paired_bootstrap(ones, ones, samples=0)
    with pytest.raises(SettingInvalid, match="confidence="):
        paired_bootstrap(ones, ones, confidence=1)


def test_metrics_share_their_resamples() -> None:
    """A metric and its double differ by a factor, sample by sample; one alone gives the same."""
    rng = np.random.default_rng(2)
    a, b = rng.random(150), rng.random(150)
    once, twice = paired_bootstraps(np.stack([a, 2 * a]), np.stack([b, 2 * b]), seed=3)
    assert (twice.low, twice.high) == pytest.approx((2 * once.low, 2 * once.high))
    assert paired_bootstrap(a, b, seed=3).low == pytest.approx(once.low)
