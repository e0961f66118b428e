"""Exact retrieval: the k items of largest inner product with a query, over the whole catalog."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from shortlist.core.data.bitmaps import Bitmap, check_bitmap, count_rows, rows_of_bitmap
from shortlist.core.data.interactions import select_rows
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.parallel import resolve_threads
from shortlist.core.scan import scanning
from shortlist.core.scan.scanning import Scan, TopRows

if TYPE_CHECKING:
    from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, LongArray
    from shortlist.core.scan.quantization import Quantized

__all__ = ["COUNT_MAX", "VALUE_MAX", "ItemScan", "TopRows", "score_rows"]

COUNT_MAX: Final = 10_000  # candidates a query
VALUE_MAX: Final = 1e15  # magnitude of a vector's value: sums of products stay finite

# Where each way of scoring pays (python -m bench.scoring prints the measurement).
GATHER_SHARE: Final = 1 / 8  # below this share of eligible rows: gather them, score in float32
INT8_ITEMS_MIN: Final = 4096  # smaller catalogs: float32 is as fast, and exact without a doubt
# Above this share to be scored again: float32 at once. Estimates so far down lie close together.
INT8_KEEP_SHARE: Final = 1 / 16


class ItemScan:
    """The items of one model, ready to be scanned. Immutable; threads may share it.

    With `quantized` a large catalog is scanned as int8 and max(1.25 k, k + 64) candidates are
    scored again in float32. That shows how wrong the estimates are; where one that was left out
    might belong to the k best, every item is scored in float32 (of Gowalla's users none for k = 100
    and a fifth for k = 1000), so that the results are the same as without.
    """

    __slots__ = ("_quantized", "_vectors")

    def __init__(
        self,
        item_vectors: FloatArray,
        quantized: Quantized | None = None,
        *,
        trusted: bool = False,
    ) -> None:
        """Take item_vectors (n, dim), C-contiguous, by reference; a read-only memory map will do.

        trusted: the values were checked before (when the artifact was written), so do not read
        them all now. Raises DataInvalid at a NaN or a magnitude above VALUE_MAX.
        """
        _check_matrix("item_vectors", item_vectors)
        if quantized is not None and (quantized.item_count, quantized.dim) != item_vectors.shape:
            copied = (quantized.item_count, quantized.dim)
            raise SettingInvalid("quantized", copied, f"made from {item_vectors.shape} vectors")
        if not trusted:
            _check_values("item_vectors", item_vectors)
        self._vectors = item_vectors
        self._quantized = quantized

    @property
    def item_count(self) -> int:
        return len(self._vectors)

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    def top(
        self,
        queries: FloatArray,
        k: int,
        *,
        eligible: Bitmap | None = None,
        excluded: Interactions | None = None,
        threads: int = 1,
    ) -> TopRows:
        """Return the k best rows of every query (q, dim).

        eligible: only rows in this set, for all queries. excluded: row q holds the rows that query
        q must not get (its columns; values are not read). Fewer than k come back where fewer exist.
        Same results at any thread count.
        """
        check_query_matrix(queries, self.dim)
        check_restrictions(k, self.item_count, len(queries), eligible, excluded)
        threads = resolve_threads(threads)
        count = self.item_count if eligible is None else count_rows(eligible)
        shape = (len(queries), min(k, count))
        # Only exclusions can leave entries unwritten; nobody should find old memory there.
        new = np.empty if excluded is None else np.zeros
        counts = np.zeros(len(queries), np.int64)
        top = TopRows(counts, new(shape, np.int32), new(shape, np.float32))
        if top.rows.size:
            scan = self._plan(
                queries, shape[1], None if count == self.item_count else eligible, count
            )
            doubtful = scanning.run_scan(scan, excluded, top, threads)
            if len(doubtful):
                _scan_again(scan, doubtful, excluded, top, threads)
        return top

    def candidates(
        self,
        query: FloatArray,
        k: int,
        weights: FloatArray,
        *,
        eligible: Bitmap | None = None,
        excluded: Interactions | None = None,
    ) -> IntArray | None:
        """Return ascending rows that hold the k of largest weight x score, as int8 estimates them.

        query (dim,), weights (n,) of 0 and more. Score them and take the best to have the k;
        max(1.25 k, k + 64) rows or more come back, fewer where fewer are eligible. None where
        every item has to be read: no int8 copy, a small catalog, few eligible items, or estimates
        too close together.
        """
        check_query_matrix(query[None], self.dim)
        check_restrictions(k, self.item_count, 1, eligible, excluded)
        if weights.shape != (self.item_count,):
            raise SettingInvalid("weights", weights.shape, f"shape ({self.item_count},)")
        count = self.item_count if eligible is None else count_rows(eligible)
        scan = self._plan(query[None], min(k, count), eligible, count) if count else None
        if scan is None or scan.quantized is None:
            return None
        scales = scan.quantized.scales.copy()
        scales[: self.item_count] *= weights
        weighted = scan._replace(quantized=replace(scan.quantized, scales=scales))
        rows, estimates = scanning.estimated_rows(weighted, excluded)
        scores = weights[rows] * scanning.score_rows(self._vectors, query, rows)
        return None if scanning.is_doubtful(scores, estimates, k, scan.keep) else rows

    def _plan(self, queries: FloatArray, k: int, eligible: Bitmap | None, count: int) -> Scan:
        """Choose how to score `count` eligible items: gathered, as int8 first, or as they are."""
        if eligible is not None and count < GATHER_SHARE * self.item_count:
            return Scan(self._vectors, queries, rows_of_bitmap(eligible), None, count, None, k)
        keep = kept_estimates(k)
        pays = self.item_count >= INT8_ITEMS_MIN and keep < INT8_KEEP_SHARE * count
        if self._quantized is None or not pays:
            return Scan(self._vectors, queries, None, eligible, self.item_count, None, k)
        return Scan(self._vectors, queries, None, eligible, self.item_count, self._quantized, keep)


def _scan_again(
    scan: Scan, doubtful: LongArray, excluded: Interactions | None, top: TopRows, threads: int
) -> None:
    """Replace the results of some queries by those of a scan in float32."""
    shape = (len(doubtful), top.rows.shape[1])
    again = TopRows(
        np.zeros(len(doubtful), np.int64), np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    )
    queries = np.ascontiguousarray(scan.queries[doubtful])
    if excluded is not None:
        excluded = select_rows(excluded, doubtful.astype(np.int32))
    plain = scan._replace(queries=queries, quantized=None, keep=shape[1])
    scanning.run_scan(plain, excluded, again, threads)
    top.counts[doubtful], top.rows[doubtful] = again.counts, again.rows
    top.scores[doubtful] = again.scores


def kept_estimates(k: int) -> int:
    """Return how many of the best estimates are scored again for the k best."""
    return max(k + k // 4, k + 64)


def check_query_matrix(queries: FloatArray, dim: int) -> None:
    """Raise SettingInvalid or DataInvalid unless queries are vectors (q, dim) of numbers."""
    _check_matrix("queries", queries)
    if queries.shape[1] != dim:
        raise SettingInvalid("queries", queries.shape, f"vectors of {dim} values")
    _check_values("queries", queries)


def check_restrictions(
    k: int,
    item_count: int,
    query_count: int,
    eligible: Bitmap | None,
    excluded: Interactions | None,
) -> None:
    """Raise SettingInvalid at a k out of range, or sets that are not for these items, queries."""
    if not 1 <= k <= COUNT_MAX:
        raise SettingInvalid("k", k, f"1 to {COUNT_MAX}")
    if eligible is not None:
        check_bitmap("eligible", eligible, item_count)
    if excluded is not None and excluded.row_count != query_count:
        raise SettingInvalid("excluded", excluded.row_count, f"{query_count} rows, one a query")


def score_rows(item_vectors: FloatArray, query: FloatArray, rows: IntArray) -> FloatArray:
    """Return the inner products (m,) of one query (dim,) with the named rows (m,) int32.

    The same bits as the scan's scores. Raises SettingInvalid at a row that does not exist.
    """
    _check_matrix("item_vectors", item_vectors)
    if query.shape != (item_vectors.shape[1],):
        raise SettingInvalid("query", query.shape, f"shape ({item_vectors.shape[1]},)")
    _check_values("query", query[None])
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(item_vectors):
        row = int(rows.min()) if rows.min() < 0 else int(rows.max())
        raise SettingInvalid("rows", row, f"rows 0 to {len(item_vectors) - 1}")
    return scanning.score_rows(item_vectors, query, rows)


def _check_matrix(field: str, vectors: FloatArray) -> None:
    """Raise SettingInvalid unless vectors is a C-contiguous float32 matrix of some width."""
    if vectors.dtype != np.float32 or vectors.ndim != 2 or not vectors.flags.c_contiguous:
        given = f"{vectors.dtype} {vectors.shape}"
        raise SettingInvalid(field, given, "a C-contiguous float32 matrix")
    if vectors.shape[1] == 0:
        raise SettingInvalid(field, vectors.shape, "at least one dimension")


def _check_values(field: str, vectors: FloatArray) -> None:
    """Raise DataInvalid at the first value that is NaN, infinite or beyond VALUE_MAX."""
    at = scanning.first_value_beyond(vectors, VALUE_MAX)
    if at >= 0:
        row, column = divmod(at, vectors.shape[1])
        place = f"{field}[{row}, {column}]={vectors[row, column]}"
        raise DataInvalid(f"{place} is not a number of magnitude <= {VALUE_MAX:g}")
