"""Exact retrieval: the k items of largest inner product with a query, over the whole catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from shortlist.core import _scoring
from shortlist.core.bitmaps import WORD_BITS, Bitmap, count_rows, rows_of_bitmap, word_count
from shortlist.core.cpu import simd_level
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.parallel import for_each_chunk, resolve_threads

if TYPE_CHECKING:
    from shortlist.core.interactions import FloatArray, IntArray, Interactions, LongArray

COUNT_MAX: Final = 10_000  # candidates a query
VALUE_MAX: Final = 1e15  # magnitude of a vector's value: sums of products stay finite
GATHER_SHARE: Final = 1 / 6  # below this share of eligible rows, gathering beats scanning (bench)
QUERY_BLOCK: Final = 256  # queries that share one pass over the items: their lists fit the L2 cache
QUERIES_A_THREAD: Final = 16  # from here on threads take queries; below, ranges of items
LIST_SLACK: Final = 128  # least room of a list beyond k: this many entries pay for one cut
LIST_PADDING: Final = 64  # room that the kernels may write to behind a list
SUM_LANES: Final = 8  # partial sums of a score (core/simd/scan.h)


@dataclass(frozen=True, slots=True)
class TopRows:
    """The best rows of each query, best first, equal scores by ascending row.

    The first counts[q] entries of row q are its results; what lies behind them means nothing.
    The width is the largest count that was possible: at most k, less where fewer are eligible.
    """

    counts: LongArray  # (queries,)
    rows: IntArray  # (queries, width)
    scores: FloatArray  # (queries, width) inner products


class ItemScan:
    """The items of one model, ready to be scanned. Immutable; threads may share it."""

    __slots__ = ("_vectors",)

    def __init__(self, item_vectors: FloatArray, *, trusted: bool = False) -> None:
        """Take item_vectors (n, dim), C-contiguous, by reference; a read-only memory map will do.

        trusted: the values were checked before (when the artifact was written), so do not read
        them all now. Raises DataInvalid at a NaN or a magnitude above VALUE_MAX.
        """
        _check_matrix("item_vectors", item_vectors)
        if not trusted:
            _check_values("item_vectors", item_vectors)
        self._vectors = item_vectors

    @property
    def item_count(self) -> int:
        return self._vectors.shape[0]

    @property
    def dim(self) -> int:
        return self._vectors.shape[1]

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
        self._check(queries, k, eligible, excluded)
        threads = resolve_threads(threads)
        candidates = self._candidates(eligible)
        width = min(k, candidates.count)
        shape = (len(queries), width)
        # Only exclusions can leave entries unwritten; nobody should find old memory there.
        new = np.empty if excluded is None else np.zeros
        top = TopRows(np.zeros(len(queries), np.int64), new(shape, np.int32), new(shape, np.float32))
        if top.rows.size == 0:
            return top
        _scan(self._vectors, _pad_queries(queries), candidates, excluded, top, threads)
        return top

    def _candidates(self, eligible: Bitmap | None) -> _Candidates:
        """Plan what to score: every row, every row under a mask, or a gathered few."""
        if eligible is None:
            return _Candidates(None, None, self.item_count, self.item_count)
        count = count_rows(eligible)
        if count == self.item_count:
            return _Candidates(None, None, count, count)
        if count < GATHER_SHARE * self.item_count:
            return _Candidates(rows_of_bitmap(eligible), None, count, count)
        return _Candidates(None, eligible, self.item_count, count)

    def _check(
        self,
        queries: FloatArray,
        k: int,
        eligible: Bitmap | None,
        excluded: Interactions | None,
    ) -> None:
        """Raise SettingInvalid or DataInvalid at what `top` cannot answer."""
        _check_matrix("queries", queries)
        if queries.shape[1] != self.dim:
            raise SettingInvalid("queries", queries.shape, f"vectors of {self.dim} values")
        _check_values("queries", queries)
        if not 1 <= k <= COUNT_MAX:
            raise SettingInvalid("k", k, f"1 to {COUNT_MAX}")
        words = word_count(self.item_count)
        if eligible is not None and (eligible.dtype != np.uint64 or eligible.shape != (words,)):
            found = f"{eligible.dtype} {eligible.shape}"
            raise SettingInvalid("eligible", found, f"{words} uint64 words")
        if excluded is not None and excluded.row_count != len(queries):
            raise SettingInvalid("excluded", excluded.row_count, f"{len(queries)} rows, one a query")


class _Candidates(NamedTuple):
    """What a scan scores: positions 0..stop-1."""

    rows: IntArray | None  # position p is rows[p], ascending; None: row p
    eligible: Bitmap | None  # positions that may enter; None: all
    stop: int
    count: int  # how many may enter


def score_rows(item_vectors: FloatArray, query: FloatArray, rows: IntArray) -> FloatArray:
    """Return the inner products (m,) of one query (dim,) with the named rows (m,) int32.

    The same bits as the scan's scores. Raises SettingInvalid at a row that does not exist.
    """
    _check_matrix("item_vectors", item_vectors)
    if query.shape != (item_vectors.shape[1],):
        raise SettingInvalid("query", query.shape, f"shape ({item_vectors.shape[1]},)")
    _check_values("query", query[None])
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(item_vectors):
        found = int(rows.min()) if rows.min() < 0 else int(rows.max())
        raise SettingInvalid("rows", found, f"rows 0 to {len(item_vectors) - 1}")
    scores = np.empty(len(rows), np.float32)
    _scoring.score_rows(simd_level(), item_vectors, _pad_queries(query[None])[0], rows, scores)
    return scores


def _scan(
    item_vectors: FloatArray,
    queries: FloatArray,
    candidates: _Candidates,
    excluded: Interactions | None,
    top: TopRows,
    threads: int,
) -> None:
    """Write the best candidates of every padded query (q, stride) into `top`.

    Threads share out the queries where there are many, else ranges of the items.
    """
    level, query_count = simd_level(), len(queries)
    part_count = threads if query_count < QUERIES_A_THREAD * threads else 1
    block = query_count if part_count > 1 else min(QUERY_BLOCK, -(-query_count // threads))

    def scan_block(chunk: int, _: int) -> None:
        here = slice(chunk * block, min((chunk + 1) * block, query_count))
        lists = _Lists.empty(part_count, here.stop - here.start, top.rows.shape[1])
        starts, rows = (None, None) if excluded is None else _excluded_rows(excluded, here)
        step = -(-candidates.stop // (WORD_BITS * part_count)) * WORD_BITS

        def scan_part(part: int, _: int) -> None:
            stop = min((part + 1) * step, candidates.stop)
            _scoring.scan(
                level,
                item_vectors,
                candidates.rows,
                candidates.eligible,
                min(part * step, stop),
                stop,
                queries[here],
                starts,
                rows,
                top.rows.shape[1],
                lists.counts[part],
                lists.scores[part],
                lists.rows[part],
                np.empty(len(lists.counts[part]), np.int64),
                np.empty(len(lists.counts[part]), np.float32),
                np.empty(_scoring.panel_floats(level) * queries.shape[1], np.float32),
            )

        for_each_chunk(scan_part, part_count, part_count)
        _finish(level, lists, top, here)

    for_each_chunk(scan_block, -(-query_count // block), threads)


class _Lists(NamedTuple):
    """The best so far of a block of queries, one list for each part of the items and query."""

    counts: LongArray  # (parts, queries)
    scores: FloatArray  # (parts, queries, capacity)
    rows: IntArray  # (parts, queries, capacity), ascending

    @classmethod
    def empty(cls, part_count: int, query_count: int, k: int) -> _Lists:
        capacity = k + k // 8 + LIST_SLACK + k // 2 + LIST_PADDING
        return cls(
            np.empty((part_count, query_count), np.int64),
            np.empty((part_count, query_count, capacity), np.float32),
            np.empty((part_count, query_count, capacity), np.int32),
        )


def _finish(level: int, lists: _Lists, top: TopRows, here: slice) -> None:
    """Merge the parts' lists and write the best of each query, sorted, into its rows of `top`."""
    part_count, _, capacity = lists.rows.shape
    _scoring.finish(
        level,
        *lists,
        top.counts[here],
        top.scores[here],
        top.rows[here],
        np.empty(part_count * capacity, np.float32),
        np.empty(part_count * capacity, np.int32),
        np.empty(2 * part_count * capacity, np.uint64),
    )


def _excluded_rows(excluded: Interactions, queries: slice) -> tuple[LongArray, IntArray]:
    """Return the excluded rows of a block of queries, starts counted from the whole's beginning."""
    starts = excluded.row_starts[queries.start : queries.stop + 1]
    return starts, excluded.columns


def _pad_queries(queries: FloatArray) -> FloatArray:
    """Return the queries with zeros behind, to a multiple of the sum's eight lanes."""
    dim = queries.shape[1]
    if dim % SUM_LANES == 0:
        return queries
    padded = np.zeros((len(queries), -(-dim // SUM_LANES) * SUM_LANES), np.float32)
    padded[:, :dim] = queries
    return padded


def _check_matrix(field: str, vectors: FloatArray) -> None:
    """Raise SettingInvalid unless vectors is a C-contiguous float32 matrix with at least one column."""
    if vectors.dtype != np.float32 or vectors.ndim != 2 or not vectors.flags.c_contiguous:
        found = f"{vectors.dtype} {vectors.shape}"
        raise SettingInvalid(field, found, "a C-contiguous float32 matrix")
    if vectors.shape[1] == 0:
        raise SettingInvalid(field, vectors.shape, "at least one dimension")


def _check_values(field: str, vectors: FloatArray) -> None:
    """Raise DataInvalid at the first value that is NaN, infinite or beyond VALUE_MAX."""
    flat = vectors.reshape(-1)
    at = _scoring.first_value_beyond(flat, VALUE_MAX)
    if at >= 0:
        row, column = divmod(at, vectors.shape[-1])
        raise DataInvalid(
            f"{field}[{row}, {column}]={flat[at]} is not a number of magnitude <= {VALUE_MAX:g}"
        )
