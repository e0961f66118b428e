"""Fold-in: the vector of a user (or item) that training never saw, by the same row solve."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from shortlist.core.cpu import simd_level
from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.errors import SingularSystem
from shortlist.core.linear.eigen import eigenpairs
from shortlist.core.linear.gramian import Doubles, gramian, padded, rotate_rows
from shortlist.core.parallel import resolve_threads
from shortlist.core.wals.params import WalsParams, row_lambdas, signed_weights
from shortlist.core.wals.row_systems import RowSystems

# To this share of the solution's size, in the norm of the shared part: far below what ranks change
# at.
_TOLERANCE = 1e-5
_ENTRIES_MAX = 65_536  # gathered at once


class FoldIn:
    """Solves rows against one fixed side; made once a model, immutable, used by many threads.

    To fold in items over users, give the user side and `for_items(params)`.
    """

    def __init__(
        self,
        fixed: FloatArray,  # (columns, dim), perhaps a read-only map; kept, not copied
        column_counts: npt.NDArray[np.integer],  # (columns,) how often training observed each
        params: WalsParams,
        cold: npt.NDArray[np.bool_] | None = None,  # (columns,) that training left out, as no data
    ) -> None:
        self._fixed, self._params = fixed, params
        self._column_counts = np.asarray(column_counts, np.int64)
        self._trained_count = len(fixed) if cold is None else int(np.count_nonzero(~cold))
        self._level = simd_level()
        width = padded(fixed[:0]).shape[1]
        total = np.zeros((width, width))
        for first in range(0, len(fixed), _ENTRIES_MAX):
            block = padded(fixed[first : first + _ENTRIES_MAX])
            if cold is not None:
                block[cold[first : first + _ENTRIES_MAX]] = 0
            total += gramian(block, 1, self._level)
        self._eigenvalues, self._basis = eigenpairs(total, self._level)
        self._total = fixed.sum(axis=0, dtype=np.float64)
        self._gramian = total[: fixed.shape[1], : fixed.shape[1]]

    def solve(
        self,
        histories: Interactions,
        threads: int = 1,
        prior: FloatArray | None = None,
        exposure: FloatArray | None = None,
    ) -> FloatArray:
        """Return the vectors (rows, dim) of histories (rows, columns) of raw event values.

        prior (rows, dim), or (1, dim) for all: where the penalty draws them to, and what an empty
        history has; None: the zero vector. exposure (rows,): what w0 is multiplied by, 0 < e <= 1,
        for a row that had no time yet to meet every column; None: 1.
        """
        threads = resolve_threads(threads)
        solved = np.zeros((histories.row_count, self._fixed.shape[1]), np.float32)
        starts = histories.row_starts
        first = 0
        while first < histories.row_count:
            last = int(np.searchsorted(starts, starts[first] + _ENTRIES_MAX, side="right")) - 1
            last = max(last, first + 1)
            drawn = prior if prior is None or len(prior) == 1 else prior[first:last]
            shown = None if exposure is None else exposure[first:last]
            part = histories.row_range(first, last)
            solved[first:last] = self._solve_part(part, threads, drawn, shown)
            first = last
        return solved

    def parts(self, history: Interactions) -> Doubles:
        """Return what each entry of one history (1, columns) adds to its vector: (entries, dim).

        The solution is u = A^-1 sum_j w_j a_j v_j, so entry j adds w_j a_j A^-1 v_j (Hu, Koren and
        Volinsky 2008, section 5), and <u, v> is the sum of what the parts add to it. They sum to
        the exact u, which `solve` meets within its tolerance. A dislike shapes A only: its part
        is 0. In doubles, d^3 + entries d^2. Raises SingularSystem where u is not unique.
        """
        count = np.array([history.entry_count])
        weights = signed_weights(history, count, self._column_counts, self._params)
        lambdas = self._lambdas(replace(history, values=weights))
        vectors = self._fixed[history.columns].astype(np.float64)
        excess = np.abs(weights).astype(np.float64) - self._params.w0
        system = self._params.w0 * self._gramian + (vectors.T * excess) @ vectors
        system[np.diag_indices_from(system)] += float(lambdas[0])
        wanted = np.maximum(weights, 0)[:, None] * vectors  # the target of a dislike is 0
        try:
            solved = np.linalg.solve(system, wanted.T.astype(np.float64))
        except np.linalg.LinAlgError as error:
            problem = "the history has no unique vector; a larger regularization helps"
            raise SingularSystem(problem) from error
        return np.ascontiguousarray(solved.T)

    def exposure(self, histories: Interactions, prior: FloatArray) -> FloatArray:
        """Return (rows,) how far along new rows are: events / events that their priors foretell.

        <u, v> foretells the events of a pair, 0 or 1, so <sum_i u_i, p> those of a row in the time
        that training saw. A first click of hundreds that are to come says nothing of who did not.
        """
        foretold = np.maximum(prior @ self._total, 1.0)
        counts = np.clip(np.diff(histories.row_starts), 1, foretold)
        share: FloatArray = (counts / foretold).astype(np.float32)
        return share

    def _solve_part(
        self,
        histories: Interactions,
        threads: int,
        prior: FloatArray | None,
        exposure: FloatArray | None,
    ) -> FloatArray:
        """Gather the rows that the histories name, rotate only those, and solve."""
        params, level = self._params, self._level
        counts = np.diff(histories.row_starts)
        weights = signed_weights(histories, counts, self._column_counts, params)
        rows = replace(histories, values=weights)
        lambdas = self._lambdas(rows)
        if exposure is not None:  # e w0 in a row's system is w0 in the system divided by e
            scaled = np.divide(weights, np.repeat(exposure, counts), dtype=np.float32)
            rows = replace(rows, values=scaled)
            lambdas = lambdas / exposure
        vectors, entries = self._fixed[histories.columns], histories.entry_count
        gathered = padded(vectors if prior is None else np.concatenate([vectors, prior]))
        rotate_rows(gathered, self._basis, threads, level)
        places = np.arange(entries, dtype=np.int32)
        centers = None if prior is None else gathered[entries:]
        system = RowSystems(
            replace(rows, columns=places),
            lambdas,
            gathered[:entries],
            self._eigenvalues,
            params.w0,
            centers,
        )
        solved = np.zeros((histories.row_count, gathered.shape[1]), np.float32)
        steps = 2 * gathered.shape[1]
        system.solve(solved, threads, level, steps=steps, tolerance=_TOLERANCE)
        if centers is not None and not counts.all():
            solved[counts == 0] = np.broadcast_to(centers, solved.shape)[counts == 0]
        rotate_rows(solved, self._basis.T, threads, level)
        return solved[:, : self._fixed.shape[1]]

    def _lambdas(self, weighted: Interactions) -> FloatArray:
        return row_lambdas(replace(weighted, column_count=self._trained_count), self._params)
