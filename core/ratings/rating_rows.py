"""Rows of ratings: their ridge regressions, their errors, and sums over them, in doubles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import Interactions
from shortlist.core.parallel import for_each_chunk, resolve_threads
from shortlist.core.ratings import _rating_rows

Doubles: TypeAlias = npt.NDArray[np.float64]

_ROWS_AT_ONCE = 64


def solve_rows(
    ratings: Interactions,
    fixed: Doubles,
    offsets: Doubles,
    ridges: Doubles,
    *,
    bias_ridge: float | None,
    threads: int = 1,
) -> tuple[Doubles, Doubles]:
    """Solve every row's ridge regression while the other side is held still; also folds rows in.

    ratings (rows, columns), fixed (columns, dim), offsets (columns,): what is predicted without the
    row's own terms, ridges (rows,); bias_ridge None: no bias -> vectors (rows, dim), biases
    (rows,). Rows without ratings get zeros, rows without a unique solution their smallest one.
    """
    threads, dim = resolve_threads(threads), fixed.shape[1]
    fixed = np.ascontiguousarray(fixed)
    biased = bias_ridge is not None
    width, ridge = dim + biased, bias_ridge or 0.0
    solved = np.empty((ratings.row_count, width))
    failed = np.empty(ratings.row_count, np.uint8)
    scratch = np.empty((threads, width + 2, width))
    entries = ratings.row_starts, ratings.columns, ratings.values

    def solve(first: int, last: int, thread: int) -> None:
        system = *entries, fixed, offsets, ridges
        out = scratch[thread], solved, failed
        _rating_rows.solve_rows(*system, ridge, biased, first, last, *out)

    _for_rows(solve, ratings.row_count, threads)
    for row in np.flatnonzero(failed):
        columns, values = ratings.row(int(row))
        features = np.hstack([fixed[columns], np.ones((len(columns), 1))])[:, :width]
        diagonal = np.append(np.full(dim, ridges[row]), ridge)[:width]
        system = features.T @ features + np.diag(diagonal)
        solved[row] = np.linalg.lstsq(system, features.T @ (values - offsets[columns]))[0]
    return solved[:, :dim].copy(), solved[:, dim].copy() if biased else np.zeros(len(solved))


def rating_errors(
    ratings: Interactions,
    rows: Doubles,
    row_offsets: Doubles,
    fixed: Doubles,
    offsets: Doubles,
    threads: int = 1,
) -> Doubles:
    """Return prediction - rating, (entries,): prediction = <row, column> + both offsets."""
    errors = np.empty(ratings.entry_count)
    rows, row_offsets, fixed, offsets = map(
        np.ascontiguousarray, (rows, row_offsets, fixed, offsets)
    )
    entries = ratings.row_starts, ratings.columns, ratings.values

    def work(first: int, last: int, _thread: int) -> None:
        model = rows, row_offsets, fixed, offsets
        _rating_rows.entry_errors(*entries, *model, first, last, errors)

    _for_rows(work, ratings.row_count, resolve_threads(threads))
    return errors


def weighted_sums(
    ratings: Interactions, weights: Doubles, fixed: Doubles, threads: int = 1
) -> Doubles:
    """Return, for each row, the sum of weight * fixed[column] over its entries, (rows, dim)."""
    sums = np.empty((ratings.row_count, fixed.shape[1]))
    fixed = np.ascontiguousarray(fixed)

    def work(first: int, last: int, _thread: int) -> None:
        entries = ratings.row_starts, ratings.columns, weights
        _rating_rows.sum_rows(*entries, fixed, first, last, sums)

    _for_rows(work, ratings.row_count, resolve_threads(threads))
    return sums


def _for_rows(work: Callable[[int, int, int], None], row_count: int, threads: int) -> None:
    def chunk_of_rows(chunk: int, thread: int) -> None:
        first = chunk * _ROWS_AT_ONCE
        work(first, min(first + _ROWS_AT_ONCE, row_count), thread)

    for_each_chunk(chunk_of_rows, -(-row_count // _ROWS_AT_ONCE), threads)
