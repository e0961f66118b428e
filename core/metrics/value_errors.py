"""How far predicted values lie from the observed ones: for models that predict ratings."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, Interactions

Doubles: TypeAlias = npt.NDArray[np.float64]

VALUE_ERRORS = ("rmse", "mae")  # that ValueErrors has
ENTRIES_AT_ONCE = 1 << 18  # bounds the temporary memory


class ValueErrors(NamedTuple):
    """Errors over the entries, in the unit of the values."""

    rmse: float  # root of the mean square
    rmse_standard_error: float
    mae: float  # mean magnitude
    mae_standard_error: float


def value_errors(
    held_out: Interactions, query_vectors: FloatArray, item_vectors: FloatArray
) -> ValueErrors:
    """Compare the values held out (rows, items) with <query vector of the row, item vector>.

    Standard errors are the entries' deviation / sqrt(n); the root's follows by the delta method.
    Without entries everything is 0.
    """
    rows = np.repeat(np.arange(held_out.row_count), np.diff(held_out.row_starts))
    errors = np.empty(len(rows))
    for first in range(0, len(rows), ENTRIES_AT_ONCE):
        part = slice(first, first + ENTRIES_AT_ONCE)
        vectors = query_vectors[rows[part]], item_vectors[held_out.columns[part]]
        predicted = np.einsum("nd,nd->n", *vectors, dtype=np.float64)
        errors[part] = predicted - held_out.values[part]
    mse, mse_error = _mean(np.square(errors))
    mae, mae_error = _mean(np.abs(errors))
    rmse = float(np.sqrt(mse))
    return ValueErrors(rmse, mse_error / (2 * rmse) if rmse else 0.0, mae, mae_error)


def _mean(values: Doubles) -> tuple[float, float]:
    """Return the mean and its standard error, 0 where there is none."""
    if not len(values):
        return 0.0, 0.0
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(values.mean()), float(error)
