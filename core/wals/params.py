"""Settings of weighted alternating least squares, and the weights that follow from them."""

import itertools
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, Interactions, LongArray
from shortlist.core.errors import SettingInvalid
from shortlist.core.limits import DIM_MAX

FEATURE_COLUMNS_MAX = 100
_OPEN = {"unobserved_weight", "init_stddev", "over_relaxation", "half_life_days"}  # may be None
# What reaches a low loss soonest: little at first, while what is wrong changes quickly, then more.
OVER_RELAXATION_FIRST, OVER_RELAXATION_STEP, OVER_RELAXATION_MOST = 1.25, 0.25, 1.75
FIRST_RELAXATION = 0.6  # of the users, from 0: the strongest directions alone claim too much
_BLOCK_ENTRIES = 1 << 15
_W0_FACTOR, _W0_POWER = 3.0, 0.7


@dataclass(frozen=True, slots=True)
class WalsParams:
    """What to minimise (docs/algorithms/wals.md) and how; out of range: SettingInvalid."""

    dim: int = 64
    epochs: int = 10
    unobserved_weight: float | None = None  # w0; None: by density, see with_data_defaults
    regularization: float = 0.004
    regularization_exponent: float = 1.0  # nu
    value_transform: Literal["none", "linear", "log"] = "none"
    value_alpha: float = 1.0
    value_epsilon: float = 1.0
    user_frequency_exponent: float = 0.0  # p
    item_frequency_exponent: float = 0.0  # q
    init_stddev: float | None = None  # of random first vectors; None: core/wals/first_vectors.py
    solver: Literal["auto", "conjugate_gradient", "cholesky"] = "auto"
    cg_steps: int = 2
    over_relaxation: float | None = None  # None: see relaxation()
    half_life_days: float | None = None  # an event loses half its weight in; None: never
    item_features: tuple[str, ...] = ()  # columns they are made of; train_wals gets the matrix
    user_features: tuple[str, ...] = ()  # the same of users
    draw_users: bool = True  # without features to their mean; train_wals is told by the caller
    feature_regularization: float = 10.0  # of their weights, in items' worth
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every range."""
        for field, low, high in (
            ("dim", 1, DIM_MAX),
            ("epochs", 1, 1000),
            ("unobserved_weight", 0, 1e6),
            ("regularization", 0, 1e6),
            ("regularization_exponent", 0, 2),
            ("value_alpha", 0, 1e6),
            ("value_epsilon", 1e-9, 1e9),
            ("user_frequency_exponent", 0, 1),
            ("item_frequency_exponent", 0, 1),
            ("init_stddev", 1e-9, 100),
            ("cg_steps", 1, 1000),
            ("over_relaxation", 1, 1.9),
            ("half_life_days", 1e-6, 1e6),
            ("feature_regularization", 1e-6, 1e9),
            ("seed", 0, 2**64 - 1),
        ):
            value = getattr(self, field)
            if value is None and field in _OPEN:
                continue
            if not low <= value <= high:  # also refuses NaN
                raise SettingInvalid(field, value, f"{low:g} to {high:g}")
        if self.value_transform not in {"none", "linear", "log"}:
            raise SettingInvalid("value_transform", self.value_transform, "none, linear or log")
        if self.solver not in {"auto", "conjugate_gradient", "cholesky"}:
            allowed = "auto, conjugate_gradient or cholesky"
            raise SettingInvalid("solver", self.solver, allowed)
        for field in ("item_features", "user_features"):
            names = getattr(self, field)
            if len(names) > FEATURE_COLUMNS_MAX or len(set(names)) < len(names) or "" in names:
                allowed = f"up to {FEATURE_COLUMNS_MAX} columns, each once"
                raise SettingInvalid(field, names, allowed)
            if names and not self.regularization:
                allowed = f"above 0 with {field}, which it draws the vectors to"
                raise SettingInvalid("regularization", self.regularization, allowed)

    @property
    def w0(self) -> float:
        """The unobserved weight, once the data has decided it. Raises SettingInvalid before."""
        if self.unobserved_weight is None:
            raise SettingInvalid("unobserved_weight", None, "a number; see with_data_defaults")
        return self.unobserved_weight

    def relaxation(self, epoch: int) -> float:
        """Return how far an epoch, the first being 1, goes along the way to its solution."""
        if self.over_relaxation is not None:
            return self.over_relaxation
        grown = OVER_RELAXATION_FIRST + OVER_RELAXATION_STEP * (epoch - 1)
        return min(grown, OVER_RELAXATION_MOST)


def with_data_defaults(params: WalsParams, interactions: Interactions) -> WalsParams:
    """Return the params with what was left to the data: w0 = min(1, 3 density^0.7).

    The denser the data, the more an absent pair says. The formula follows the best w0 found on
    MovieLens small and 1M, Last.fm and Gowalla, whose densities span a factor of 70.
    """
    if params.unobserved_weight is not None:
        return params
    pairs = max(interactions.row_count * interactions.column_count, 1)
    density = interactions.entry_count / pairs
    return replace(params, unobserved_weight=min(1.0, _W0_FACTOR * density**_W0_POWER))


def for_items(params: WalsParams) -> WalsParams:
    """Return the params of the transposed problem, in which items are folded in over users."""
    return replace(
        params,
        user_frequency_exponent=params.item_frequency_exponent,
        item_frequency_exponent=params.user_frequency_exponent,
    )


def signed_weights(
    rows: Interactions, row_counts: LongArray, column_counts: LongArray, params: WalsParams
) -> FloatArray:
    """Return w_ij of each entry, negative where the value is: there the target is 0, elsewhere 1.

    rows (users x items) with how often each user (rows,) and item (columns,) was observed;
    w = transform(|value|) * user count^-p * item count^-q. One float an entry says both.
    """
    if params.value_transform == "linear":
        weights = 1 + params.value_alpha * np.abs(rows.values)
    elif params.value_transform == "log":
        size = np.abs(rows.values) / np.float32(params.value_epsilon)
        weights = 1 + params.value_alpha * np.log1p(size)
    else:
        weights = np.ones_like(rows.values)
    if params.user_frequency_exponent:
        damping = np.maximum(row_counts, 1) ** -params.user_frequency_exponent
        weights *= np.repeat(damping.astype(np.float32), np.diff(rows.row_starts))
    if params.item_frequency_exponent:
        damping = np.maximum(column_counts, 1) ** -params.item_frequency_exponent
        weights *= damping.astype(np.float32)[rows.columns]
    signed: FloatArray = np.copysign(weights, rows.values, out=weights)
    return signed


def mean_row_weight(interactions: Interactions, params: WalsParams) -> float:
    """Return the mean total weight of a user's row (users x items), in raw event values."""
    user_counts = np.diff(interactions.row_starts)
    counts = np.bincount(interactions.columns, minlength=interactions.column_count)
    weights = signed_weights(interactions, user_counts, counts.astype(np.int64), params)
    unit = replace(params, regularization=1.0, regularization_exponent=1.0)
    lambdas = row_lambdas(replace(interactions, values=weights), unit)
    return float(lambdas.mean(dtype=np.float64)) if len(lambdas) else 1.0


def row_lambdas(rows: Interactions, params: WalsParams) -> FloatArray:
    """Return lambda of each row, regularization * (total weight)^nu; values are weights."""
    unobserved = rows.column_count - np.diff(rows.row_starts)
    total = _observed_weights(rows) + params.w0 * unobserved
    lambdas = params.regularization * total**params.regularization_exponent
    return np.asarray(lambdas, np.float32)


def _observed_weights(rows: Interactions) -> npt.NDArray[np.float64]:
    """Return the sum of |values| of each row, (rows,); in blocks, as they fill the memory."""
    if rows.row_count == 1 and rows.entry_count:  # as when one folds in
        alone: npt.NDArray[np.float64] = np.abs(rows.values).astype(np.float64)
        return np.add.reduceat(alone, [0])
    starts = rows.row_starts
    sums = np.zeros(rows.row_count)
    cuts = np.searchsorted(starts, np.arange(0, rows.entry_count, _BLOCK_ENTRIES))
    for first, last in itertools.pairwise([*cuts.tolist(), rows.row_count]):
        weights = np.abs(rows.values[starts[first] : starts[last]]).astype(np.float64)
        some = np.flatnonzero(np.diff(starts[first : last + 1])) + first
        if len(some):
            sums[some] = np.add.reduceat(weights, starts[some] - starts[first])
    return sums
