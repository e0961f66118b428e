"""The settings of WALS that decide its quality, as points of a unit cube to search in.

unobserved_weight          log scale around what the data's density suggests
regularization             log scale, as the share of its weight that a row's lambda is: so it
                           means the same under any exponent
regularization_exponent    nu
user_frequency_exponent    p
item_frequency_exponent    q
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shortlist.core.data.interactions import Interactions
from shortlist.core.wals.first_vectors import INIT_STDDEV
from shortlist.core.wals.params import WalsParams, mean_row_weight, with_data_defaults
from shortlist.server.trainers.tuning_space import (
    Point,
    TuningSpace,
    log_between,
    log_place,
    three_digits,
)

WEIGHT_SPREAD = 20.0  # unobserved_weight is at most so many times more or less than suggested
SHARES = 3e-5, 3e-2
EXPONENTS = 0.25, 1.25
FREQUENCY_EXPONENT_MAX = 0.6
STEADY = 1.0  # over-relaxation on the path of which the best epoch is looked for


class WalsSpace(TuningSpace[WalsParams]):
    """Maps points (axes,) of the unit cube to settings for some data, and back."""

    def __init__(self, given: WalsParams, seen: Interactions) -> None:
        suggested = with_data_defaults(replace(given, unobserved_weight=None), seen).w0
        self._weights = suggested / WEIGHT_SPREAD, min(1.0, suggested * WEIGHT_SPREAD)
        self._seen = seen
        self._given = with_data_defaults(given, seen)

    @property
    def axes(self) -> int:
        return 5

    def start(self) -> WalsParams:
        """Return the settings given.

        A spectral start and over-relaxation reach a low loss sooner but pass by the best vectors on
        the way: left open they are none here.
        """
        params = self._given
        if params.over_relaxation is None:
            params = replace(params, over_relaxation=STEADY)
        if params.init_stddev is None:
            params = replace(params, init_stddev=INIT_STDDEV)
        return params

    def params(self, point: Point) -> WalsParams:
        """Return the settings of a point."""
        weight, share, exponent, user, item = np.clip(point, 0, 1).tolist()
        params = replace(
            self.start(),
            unobserved_weight=three_digits(log_between(self._weights, weight)),
            regularization_exponent=three_digits(EXPONENTS[0] + exponent * np.ptp(EXPONENTS)),
            user_frequency_exponent=three_digits(user * FREQUENCY_EXPONENT_MAX),
            item_frequency_exponent=three_digits(item * FREQUENCY_EXPONENT_MAX),
        )
        scale = mean_row_weight(self._seen, params) ** (1 - params.regularization_exponent)
        return replace(params, regularization=three_digits(log_between(SHARES, share) * scale))

    def point(self, params: WalsParams) -> Point:
        """Return the point of the cube nearest to settings."""
        scale = mean_row_weight(self._seen, params) ** (1 - params.regularization_exponent)
        place = [
            log_place(self._weights, params.w0),
            log_place(SHARES, params.regularization / scale),
            (params.regularization_exponent - EXPONENTS[0]) / np.ptp(EXPONENTS),
            params.user_frequency_exponent / FREQUENCY_EXPONENT_MAX,
            params.item_frequency_exponent / FREQUENCY_EXPONENT_MAX,
        ]
        return np.clip(np.array(place, np.float64), 0, 1)

    def settings(self, params: WalsParams) -> dict[str, float]:
        """Return what trials differ in, by name."""
        return {
            "dim": float(params.dim),
            "unobserved_weight": params.w0,
            "regularization": params.regularization,
            "regularization_exponent": params.regularization_exponent,
            "user_frequency_exponent": params.user_frequency_exponent,
            "item_frequency_exponent": params.item_frequency_exponent,
        }
