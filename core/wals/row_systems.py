"""The linear systems of one side's rows while the other side is held still, and their solution.

Row i solves (w0 V'V + lambda_i I + sum_obs (w_ij - w0) v v') u = sum_obs w_ij a_ij v, plus
lambda_i prior_i on the right where the penalty is lambda_i |u_i - prior_i|^2. In
coordinates where V'V is diagonal the part that all rows share is diagonal for every lambda_i, so no
d x d product is left in the inner loop, and that diagonal is the preconditioner with which two
steps of conjugate gradient do the work of many.
"""

from dataclasses import dataclass

import numpy as np

from shortlist.core.data.interactions import FloatArray, Interactions, LongArray
from shortlist.core.errors import SingularSystem
from shortlist.core.linear.gramian import Doubles, aligned_scratch
from shortlist.core.parallel import for_each_chunk
from shortlist.core.wals._row_systems import exact_scratch_rows, observed_loss, solve_rows

_CHUNKS = 96  # of about equal work, whatever the number of threads: sums have a fixed order
_CHUNK_COST_MIN = 2048
_CALLS_A_THREAD = 12  # enough to end together; a call takes as long as a thousand entries
_ROW_COST = 16  # what a row costs beside its entries, in entries


@dataclass(frozen=True, slots=True)
class Energy:
    """The rows' part of the objective after a solve."""

    objective: float  # all their pairs, observed or not, and their penalty
    penalty: float  # sum of lambda_i |u_i - prior_i|^2


@dataclass(frozen=True, slots=True)
class RowSystems:
    """The systems of the rows of one side."""

    rows: Interactions  # values are signed weights
    lambdas: FloatArray  # (rows,)
    fixed: FloatArray  # (columns, padded dim), its Gramian diagonal
    eigenvalues: Doubles  # (padded dim,) of the whole fixed side's Gramian
    unobserved_weight: float
    prior: FloatArray | None = None  # (rows, padded dim), or 1 row for all; None: 0
    cuts: LongArray | None = None  # of row_chunks; made here where not given
    halved: bool = False  # fixed lies in halves (core/simd/halves.h): conjugate gradient only

    def solve(
        self, solved: FloatArray, threads: int, level: int, *,
        steps: int, tolerance: float = 0.0, relaxation: float = 1.0,
    ) -> Energy:  # fmt: skip
        """Move `solved` (rows, padded dim) `relaxation` times the way to what the solver finds.

        `steps` of conjugate gradient, fewer where what is left falls below `tolerance` of the
        start; 0 steps: the exact minimum. Raises SingularSystem where a row has no unique one.
        """
        rows, dim = self.rows, self.fixed.shape[1]
        cuts = self._cuts()
        count = len(cuts) - 1
        step = -(-count // (_CALLS_A_THREAD * threads))
        shared, guard = self._shared()
        scratch = aligned_scratch(threads, 5 if steps else exact_scratch_rows(dim), dim)
        energies = np.zeros((count, 2))
        unsolved = [0] * threads

        def work(call: int, thread: int) -> None:
            first = call * step
            unsolved[thread] += solve_rows(
                rows.row_starts, rows.columns, rows.values, self.fixed, self.halved, shared,
                self.lambdas, self.prior, self.unobserved_weight,
                steps, tolerance, relaxation, guard, cuts,
                first, min(first + step, count), solved, scratch[thread], energies, level,
            )  # fmt: skip

        for_each_chunk(work, -(-count // step) if count else 0, threads)
        if sum(unsolved):
            problem = f"{sum(unsolved)} rows have no unique solution; a larger regularization helps"
            raise SingularSystem(problem)
        if not rows.entry_count:
            solved[:] = 0
        return Energy(*(float(total) for total in energies.sum(axis=0)))

    def observed_loss(self, solved: FloatArray, threads: int, level: int) -> float:
        """Return what the observed pairs add to the loss beyond w0 <u, v>^2; any coordinates."""
        rows = self.rows
        cuts = self._cuts()
        parts = np.zeros(len(cuts) - 1)

        def work(chunk: int, _thread: int) -> None:
            parts[chunk] = observed_loss(
                rows.row_starts, rows.columns, rows.values, self.fixed, solved,
                self.unobserved_weight, int(cuts[chunk]), int(cuts[chunk + 1]), level,
            )  # fmt: skip

        for_each_chunk(work, len(parts), threads)
        return float(parts.sum())

    def _cuts(self) -> LongArray:
        return row_chunks(self.rows.row_starts) if self.cuts is None else self.cuts

    def _shared(self) -> tuple[FloatArray, float]:
        """Return the shared diagonal, and what keeps the preconditioner off 0."""
        shared = self.unobserved_weight * np.maximum(self.eigenvalues, 0)
        # A coordinate that only pads, or in which nothing lies, is held at 0 rather than
        # undetermined.
        if shared.min(initial=1.0) <= 0:
            shared += (shared <= 0) & ~self.fixed.any(axis=0)
        largest = float(shared.max(initial=0)) + float(self.lambdas.max(initial=0))
        return shared.astype(np.float32), 1e-7 * largest or 1.0


def row_chunks(row_starts: LongArray) -> LongArray:
    """Return where chunks of about equal work begin and end, whatever the number of threads."""
    row_count = len(row_starts) - 1
    if 0 < row_starts[-1] + _ROW_COST * row_count <= _CHUNK_COST_MIN:  # as when one folds in
        return np.array([0, row_count])
    cost = row_starts + _ROW_COST * np.arange(row_count + 1)
    step = max(_CHUNK_COST_MIN, int(cost[-1]) // _CHUNKS + 1)
    marks = np.arange(step, int(cost[-1]), step)
    return np.unique(np.concatenate([[0], np.searchsorted(cost, marks), [row_count]]))
