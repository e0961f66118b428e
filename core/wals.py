"""Weighted alternating least squares: minimise, over the rows of one side and then of the other,

    sum_obs w_ij (a_ij - <u_i, v_j>)^2 + w0 sum_unobserved <u_i, v_j>^2
      + sum_i lambda_i |u_i|^2 + sum_j lambda_j |v_j|^2            (ARCHITECTURE.md)

Every row of a half step solves (w0 V'V + lambda_i I + sum_obs (w_ij - w0) v v') u = sum_obs w_ij
a_ij v. Both sides are first rotated so that V'V is diagonal, which changes no product <u, v> and no
norm. Then the part that all rows share is diagonal, no d x d product is left in the inner loop, and
that diagonal is the preconditioner that lets two steps of conjugate gradient do the work of many.

Sources: Hu, Koren, Volinsky (ICDM 2008); Takacs, Pilaszy, Tikk (RecSys 2011) for conjugate
gradient; Rendle et al. (arXiv 2110.14037) for the scaling of the regularization.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core._wals import gram, observed_loss, rotate, solve_rows, solve_rows_exactly
from shortlist.core.cpu import simd_level
from shortlist.core.errors import DataInvalid, SingularSystem, TrainingDiverged
from shortlist.core.interactions import FloatArray, Interactions, LongArray, transposed
from shortlist.core.parallel import for_each_chunk, resolve_threads
from shortlist.core.progress import Epoch
from shortlist.core.wals_params import WalsParams, row_lambdas, signed_weights, with_data_defaults

Doubles: TypeAlias = npt.NDArray[np.float64]

_LANES = 16  # kernels want rows of a multiple of this many floats
_GRAM_ROWS = 4096  # floats add up over this many rows, doubles beyond
_ROTATE_ROWS = 2048
_CHUNK_COST = 16_384  # entries of a chunk of rows, an empty row counting as a few
_ROW_COST = 8


@dataclass(frozen=True, slots=True)
class WalsFactors:
    """The two embedding tables: the score of a pair is the inner product of its rows."""

    users: FloatArray  # (users, dim)
    items: FloatArray  # (items, dim)
    losses: tuple[float, ...] = ()  # after each epoch


Snapshot: TypeAlias = Callable[[], WalsFactors]


def train_wals(
    interactions: Interactions,
    params: WalsParams,
    *,
    threads: int = 0,
    on_epoch: Callable[[Epoch, Snapshot], None] | None = None,
    initial: WalsFactors | None = None,
) -> WalsFactors:
    """Train on (users x items) interactions; the same seed gives the same bits at any thread count.

    on_epoch gets the epoch and a function that returns the factors so far; it may raise
    TrainingCancelled. `initial` is a warm start. Raises TrainingDiverged when the loss is not
    finite, SingularSystem when the exact solver meets a row without a unique solution.
    """
    alternation = _Alternation(interactions, params, initial, resolve_threads(threads))
    losses: list[float] = []
    relaxation = 1.0  # the first epoch has nothing yet to go beyond
    limit = 1.0 if params.solver == "cholesky" else params.over_relaxation
    for epoch in range(1, params.epochs + 1):
        started = time.perf_counter()
        loss = alternation.epoch(relaxation)
        if not np.isfinite(loss):
            problem = f"the loss is {loss} after epoch {epoch}; a larger regularization helps"
            raise TrainingDiverged(problem)
        # Over-relaxation goes on for as long as it pays.
        limit = 1.0 if losses and loss > losses[-1] else limit
        relaxation = limit
        losses.append(loss)
        if on_epoch:
            seconds = time.perf_counter() - started
            on_epoch(
                Epoch(epoch, params.epochs, loss, seconds), lambda: alternation.factors(losses)
            )
    return alternation.factors(losses)


def wals_loss(
    interactions: Interactions, factors: WalsFactors, params: WalsParams, *, threads: int = 0
) -> float:
    """Return the objective's value."""
    warm = _Alternation(interactions, params, factors, resolve_threads(threads))
    return warm.loss(warm.gram_of(warm.users), warm.gram_of(warm.items))


class _Alternation:
    """The state of one training: both sides, both orientations of the weights."""

    def __init__(
        self,
        interactions: Interactions,
        params: WalsParams,
        initial: WalsFactors | None,
        threads: int,
    ) -> None:
        params = with_data_defaults(params, interactions)
        user_counts = np.diff(interactions.row_starts)
        counts = np.bincount(interactions.columns, minlength=interactions.column_count)
        weights = signed_weights(interactions, user_counts, counts.astype(np.int64), params)
        self._by_user = replace(interactions, values=weights)
        self._by_item = transposed(self._by_user, threads)
        self._lambdas = row_lambdas(self._by_user, params), row_lambdas(self._by_item, params)
        self._params, self._threads, self._level = params, threads, simd_level()
        self.users, self.items = _start(interactions, params, initial)
        self._turned = np.eye(self.users.shape[1])  # every rotation so far
        self._item_gram: Doubles | None = None

    def epoch(self, relaxation: float) -> float:
        """Solve the users, then the items; return the loss."""
        if self._item_gram is None:
            self._item_gram = self.gram_of(self.items)
        self._half_step(
            self._by_user, self._lambdas[0], self._item_gram, self.items, self.users, relaxation
        )
        user_gram = self.gram_of(self.users)
        basis = self._half_step(
            self._by_item, self._lambdas[1], user_gram, self.users, self.items, relaxation
        )
        self._item_gram = self.gram_of(self.items)
        return self.loss(basis.T @ user_gram @ basis, self._item_gram)

    def _half_step(
        self, rows: Interactions, lambdas: FloatArray, fixed_gram: Doubles,
        fixed: FloatArray, solved: FloatArray, relaxation: float,
    ) -> Doubles:  # fmt: skip
        """Solve every row of one side; return the rotation that was applied to both."""
        params = self._params
        shared, basis = np.linalg.eigh(fixed_gram)
        for factors in (fixed, solved):
            rotate_rows(factors, basis, self._threads, self._level)
        self._turned = self._turned @ basis
        system = RowSystems(rows, lambdas, fixed, shared, params.w0)
        if params.solver == "cholesky":
            system.solve_exactly(solved, self._threads)
        else:
            steps = params.cg_steps
            system.solve(solved, self._threads, self._level, steps=steps, relaxation=relaxation)
        return basis

    def gram_of(self, factors: FloatArray) -> Doubles:
        """Return factors' factors."""
        return gram_of(factors, self._threads, self._level)

    def loss(self, user_gram: Doubles, item_gram: Doubles) -> float:
        """Return the objective, given both sides' Gramians in the present coordinates."""
        rows = self._by_user
        chunks = row_chunks(rows.row_starts)
        parts = np.zeros(len(chunks) - 1)

        def work(chunk: int, _thread: int) -> None:
            parts[chunk] = observed_loss(
                rows.row_starts, rows.columns, rows.values, self.items, self.users,
                self._params.w0, chunks[chunk], chunks[chunk + 1], self._level,
            )  # fmt: skip

        for_each_chunk(work, len(parts), self._threads)
        everywhere = self._params.w0 * float(np.sum(user_gram * item_gram))
        penalty = sum(
            float(lambdas.astype(np.float64) @ np.einsum("nd,nd->n", side, side, dtype=np.float64))
            for lambdas, side in zip(self._lambdas, (self.users, self.items), strict=True)
        )
        return float(parts.sum()) + everywhere + penalty

    def factors(self, losses: list[float]) -> WalsFactors:
        """Return both sides in the coordinates that training started in."""
        sides = []
        for side in (self.users, self.items):
            back = side.copy()
            rotate_rows(back, self._turned.T, self._threads, self._level)
            sides.append(np.ascontiguousarray(back[:, : self._params.dim]))
        return WalsFactors(sides[0], sides[1], tuple(losses))


@dataclass(frozen=True, slots=True)
class RowSystems:
    """The systems of one side's rows, in coordinates where the shared part is diagonal."""

    rows: Interactions  # values are signed weights
    lambdas: FloatArray  # (rows,)
    fixed: FloatArray  # (columns, padded dim)
    eigenvalues: Doubles  # (padded dim,) of the whole fixed side's Gramian
    unobserved_weight: float

    def solve(
        self, solved: FloatArray, threads: int, level: int, *,
        steps: int, tolerance: float = 0.0, relaxation: float = 1.0,
    ) -> None:  # fmt: skip
        """Improve `solved` (rows, padded dim) in place by conjugate gradient from where it is."""
        rows, shared = self.rows, self._shared()
        chunks = row_chunks(rows.row_starts)
        scratch = np.empty((threads, 5 * self.fixed.shape[1]), np.float32)

        def work(chunk: int, thread: int) -> None:
            solve_rows(
                rows.row_starts, rows.columns, rows.values, self.fixed, shared, self.lambdas,
                self.unobserved_weight, steps, tolerance, relaxation,
                chunks[chunk], chunks[chunk + 1], solved, scratch[thread], level,
            )  # fmt: skip

        for_each_chunk(work, len(chunks) - 1, threads)
        solved[np.diff(rows.row_starts) == 0] = 0

    def solve_exactly(self, solved: FloatArray, threads: int) -> None:
        """Write the exact solutions. Raises SingularSystem where a row has no unique one."""
        rows, shared = self.rows, self._shared()
        chunks = row_chunks(rows.row_starts)
        dim = self.fixed.shape[1]
        scratch = np.empty((threads, dim + 2, dim))
        unsolved = [0] * threads
        # A dimension that only pads, or in which nothing lies, is held at 0 rather than
        # undetermined.
        empty = (shared <= 0) & ~self.fixed.any(axis=0)
        solved[:] = 0

        def work(chunk: int, thread: int) -> None:
            unsolved[thread] += solve_rows_exactly(
                rows.row_starts, rows.columns, rows.values, self.fixed, shared + empty,
                self.lambdas, self.unobserved_weight,
                chunks[chunk], chunks[chunk + 1], solved, scratch[thread],
            )  # fmt: skip

        for_each_chunk(work, len(chunks) - 1, threads)
        if sum(unsolved):
            problem = f"{sum(unsolved)} rows have no unique solution; a larger regularization helps"
            raise SingularSystem(problem)

    def _shared(self) -> FloatArray:
        return (self.unobserved_weight * np.maximum(self.eigenvalues, 0)).astype(np.float32)


def padded(factors: FloatArray) -> FloatArray:
    """Return a copy whose rows have a multiple of 16 floats, zeros behind."""
    width = -(-factors.shape[1] // _LANES) * _LANES
    wide = np.zeros((len(factors), width), np.float32)
    wide[:, : factors.shape[1]] = factors
    return wide


def gram_of(factors: FloatArray, threads: int, level: int) -> Doubles:
    """Return factors' factors of (rows, padded dim); threads do not change the order of sums."""
    chunk_count = -(-len(factors) // _GRAM_ROWS)
    parts = np.zeros((chunk_count, factors.shape[1], factors.shape[1]), np.float32)

    def work(chunk: int, _thread: int) -> None:
        first = chunk * _GRAM_ROWS
        gram(factors, first, min(first + _GRAM_ROWS, len(factors)), parts[chunk], level)

    for_each_chunk(work, chunk_count, threads)
    total: Doubles = parts.sum(axis=0, dtype=np.float64)
    return np.triu(total) + np.triu(total, 1).T  # the kernel leaves most of the lower half out


def rotate_rows(factors: FloatArray, basis: Doubles, threads: int, level: int) -> None:
    """Multiply (rows, padded dim) by an orthogonal (padded dim, padded dim), in place."""
    narrow = np.ascontiguousarray(basis, np.float32)
    scratch = np.empty((threads, 4 * factors.shape[1]), np.float32)

    def work(chunk: int, thread: int) -> None:
        first = chunk * _ROTATE_ROWS
        last = min(first + _ROTATE_ROWS, len(factors))
        rotate(factors, first, last, narrow, scratch[thread], level)

    for_each_chunk(work, -(-len(factors) // _ROTATE_ROWS), threads)


def row_chunks(row_starts: LongArray) -> list[int]:
    """Cut the rows into chunks of about equal work; whatever the number of threads."""
    row_count = len(row_starts) - 1
    cost = row_starts + _ROW_COST * np.arange(row_count + 1)
    marks = np.arange(_CHUNK_COST, int(cost[-1]), _CHUNK_COST)
    cuts = np.unique(np.concatenate([[0], np.searchsorted(cost, marks), [row_count]]))
    return [int(cut) for cut in cuts]


def _start(
    interactions: Interactions, params: WalsParams, initial: WalsFactors | None
) -> tuple[FloatArray, FloatArray]:
    """Return the first (users, items), padded: the warm start, or zero users and random items."""
    shapes = (interactions.row_count, params.dim), (interactions.column_count, params.dim)
    if initial:
        found = initial.users.shape, initial.items.shape
        if found != shapes:
            raise DataInvalid(f"initial factors have shapes {found}, not {shapes}")
        return padded(initial.users), padded(initial.items)
    generator = np.random.default_rng(params.seed)
    items = generator.standard_normal(shapes[1], np.float32)
    items *= np.float32(params.init_stddev / np.sqrt(params.dim))
    return padded(np.zeros(shapes[0], np.float32)), padded(items)
