"""Settings of weighted alternating least squares, and the weights that follow from them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from shortlist.core.errors import SettingInvalid
from shortlist.core.interactions import FloatArray, Interactions, LongArray

DIM_MAX = 4096


@dataclass(frozen=True, slots=True)
class WalsParams:
    """What to minimise and how (ARCHITECTURE.md has the objective); out of range: SettingInvalid."""

    dim: int = 64
    epochs: int = 10
    unobserved_weight: float = 0.01  # w0
    regularization: float = 0.004
    regularization_exponent: float = 1.0  # nu
    value_transform: Literal["none", "linear", "log"] = "none"
    value_alpha: float = 1.0
    value_epsilon: float = 1.0
    user_frequency_exponent: float = 0.0  # p
    item_frequency_exponent: float = 0.0  # q
    init_stddev: float = 0.1
    solver: Literal["auto", "cg", "cholesky"] = "auto"
    cg_steps: int = 2
    over_relaxation: float = 1.5
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
            ("seed", 0, 2**64 - 1),
        ):
            found = getattr(self, field)
            if not low <= found <= high:  # also refuses NaN
                raise SettingInvalid(field, found, f"{low:g} to {high:g}")
        if self.value_transform not in {"none", "linear", "log"}:
            raise SettingInvalid("value_transform", self.value_transform, "none, linear or log")
        if self.solver not in {"auto", "cg", "cholesky"}:
            raise SettingInvalid("solver", self.solver, "auto, cg or cholesky")


def signed_weights(
    rows: Interactions, row_counts: LongArray, column_counts: LongArray, params: WalsParams
) -> FloatArray:
    """Return w_ij of each entry, negative where the value is: there the target is 0, elsewhere 1.

    rows (users x items) with how often each user (rows,) and item (columns,) was observed;
    w = transform(|value|) * user count^-p * item count^-q. One float an entry says both.
    """
    size = np.abs(rows.values)
    if params.value_transform == "linear":
        weights = 1 + params.value_alpha * size
    elif params.value_transform == "log":
        weights = 1 + params.value_alpha * np.log1p(size / np.float32(params.value_epsilon))
    else:
        weights = np.ones_like(size)
    if params.user_frequency_exponent:
        damping = np.maximum(row_counts, 1) ** -params.user_frequency_exponent
        weights *= np.repeat(damping.astype(np.float32), np.diff(rows.row_starts))
    if params.item_frequency_exponent:
        damping = np.maximum(column_counts, 1) ** -params.item_frequency_exponent
        weights *= damping.astype(np.float32)[rows.columns]
    signed: FloatArray = np.copysign(weights, rows.values, dtype=np.float32)
    return signed


def row_lambdas(rows: Interactions, params: WalsParams) -> FloatArray:
    """Return lambda of each row: regularization * (total weight)^nu; values of `rows` are weights."""
    running = np.concatenate([[0.0], np.cumsum(np.abs(rows.values), dtype=np.float64)])
    observed = running[rows.row_starts[1:]] - running[rows.row_starts[:-1]]
    unobserved = rows.column_count - np.diff(rows.row_starts)
    total = observed + params.unobserved_weight * unobserved
    lambdas: FloatArray = params.regularization * total**params.regularization_exponent
    return lambdas.astype(np.float32)
