"""The space that tuning searches: inside the ranges, and the same settings at the same place."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.interactions import Events, build_interactions
from shortlist.core.wals.first_vectors import INIT_STDDEV
from shortlist.core.wals.params import WalsParams, row_lambdas, signed_weights
from shortlist.server.trainers.wals_space import (
    EXPONENTS,
    SHARES,
    STEADY,
    WalsSpace,
)

RNG = np.random.default_rng(0)
SEEN = build_interactions(
    Events(
        RNG.integers(0, 30, 300).astype(np.int32),
        RNG.integers(0, 50, 300).astype(np.int32),
        np.ones(300, np.float32),
    ),
    30,
    50,
)
SPACE = WalsSpace(WalsParams(dim=8), SEEN)
PLACES = st.lists(st.floats(-0.5, 1.5), min_size=SPACE.axes, max_size=SPACE.axes)


@settings(max_examples=60, deadline=None)
@given(place=PLACES)
def test_every_point_is_settings_and_they_lead_back_to_it(place: list[float]) -> None:
    """A step out of the cube ends on its surface."""
    params = SPACE.params(np.array(place))
    assert EXPONENTS[0] <= params.regularization_exponent <= EXPONENTS[1]
    assert 0 < params.w0 <= 1
    assert SPACE.point(params) == pytest.approx(np.clip(place, 0, 1), abs=0.01)


def test_regularization_means_the_same_under_any_exponent() -> None:
    """The mean lambda's share of the mean weight stays at its place between the ends."""
    shares = []
    for exponent in (0.0, 0.5, 1.0):
        params = SPACE.params(np.array([0.5, 0.3, exponent, 0.4, 0.4]))
        counts = np.bincount(SEEN.columns, minlength=50)
        weights = signed_weights(SEEN, np.diff(SEEN.row_starts), counts, params)
        rows = replace(SEEN, values=weights)
        weight = row_lambdas(rows, replace(params, regularization=1.0, regularization_exponent=1.0))
        shares.append(row_lambdas(rows, params).mean() / weight.mean())
    assert shares == pytest.approx([SHARES[0] * (SHARES[1] / SHARES[0]) ** 0.3] * 3, rel=0.1)


def test_the_settings_given_come_first_and_what_is_not_searched_stays() -> None:
    given_ = WalsParams(dim=8, epochs=3, value_transform="log", seed=5, regularization=0.5)
    start = WalsSpace(given_, SEEN).start()
    path: dict[str, Any] = {"over_relaxation": STEADY, "init_stddev": INIT_STDDEV}
    assert start == replace(given_, unobserved_weight=start.w0, **path)
    moved = WalsSpace(given_, SEEN).params(np.full(SPACE.axes, 0.5))
    assert (moved.dim, moved.epochs, moved.value_transform, moved.seed) == (8, 3, "log", 5)
    asked = replace(given_, over_relaxation=1.5, init_stddev=0.3)
    start = WalsSpace(asked, SEEN).start()
    assert (start.over_relaxation, start.init_stddev) == (1.5, 0.3)
