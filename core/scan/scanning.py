"""How a scan runs: blocks of queries, parts of the items, lists of the best so far, their merge.

core/scan/scoring.py decides what to scan and checks it; here everything is valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

import shortlist.core.scan._scanning as kernels
from shortlist.core.cpu import simd_level
from shortlist.core.data.bitmaps import WORD_BITS, Bitmap
from shortlist.core.parallel import for_each_chunk

if TYPE_CHECKING:
    from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, LongArray
    from shortlist.core.scan.quantization import ByteArray, Quantized

QUERY_BLOCK: Final = 256  # queries that share one pass over the items: their lists fit the L2 cache
QUERIES_A_THREAD: Final = 8  # from here on threads take queries; below, ranges of items
LIST_SLACK: Final = 128  # room of a list beyond what it keeps: so many entries pay for one cut
LIST_PADDING: Final = 64  # room that the kernels may write to behind a list
SUM_LANES: Final = 8  # partial sums of a score (core/simd/scan.h)
# An estimate is taken to be wrong by no more than this times the worst of those scored again. Of
# 20,000 vectors with a common part 30 times their spread a query lost a result up to 1.4 times.
ERROR_MARGIN: Final = 2.0


@dataclass(frozen=True, slots=True)
class TopRows:
    """The best rows of each query, best first, equal scores by ascending row.

    The first counts[q] entries of row q are its results; what lies behind them means nothing.
    The width is the largest count that was possible: at most k, less where fewer are eligible.
    """

    counts: LongArray  # (queries,)
    rows: IntArray  # (queries, width)
    scores: FloatArray  # (queries, width) inner products


class Scan(NamedTuple):
    """What to score: positions 0..stop-1 with every query."""

    items: FloatArray  # (n, dim)
    queries: FloatArray  # (q, dim)
    rows: IntArray | None  # position p is rows[p], ascending; None: row p
    eligible: Bitmap | None  # positions that may enter; None: all
    stop: int
    quantized: Quantized | None  # None: float32; else estimates first, without `rows`
    keep: int  # entries of a list that the result is chosen from


class _Lists(NamedTuple):
    """The best so far of a block of queries: one list for each part of the items and query."""

    counts: LongArray  # (parts, queries)
    scores: FloatArray  # (parts, queries, capacity)
    rows: IntArray  # (parts, queries, capacity), ascending


class _Queries(NamedTuple):
    """A block of queries as the kernels take them."""

    padded: FloatArray  # (q, dim rounded up to a multiple of 8), zeros beyond dim
    codes: IntArray  # (q, words) as the level wants them; no words where nothing is estimated
    offsets: IntArray  # (q,)
    excluded: tuple[LongArray | None, IntArray | None]  # row starts, rows


def run_scan(scan: Scan, excluded: Interactions | None, top: TopRows, threads: int) -> LongArray:
    """Write the best rows of every query into `top`.

    Returns the queries, ascending, whose estimates are too close together to say that no result is
    missing. Threads share out the queries where there are many, else ranges of the items.
    """
    level, query_count = simd_level(), len(scan.queries)
    part_count = threads if query_count < QUERIES_A_THREAD * threads else 1
    block = query_count if part_count > 1 else min(QUERY_BLOCK, -(-query_count // threads))
    doubtful = np.zeros(query_count, np.uint8)

    def scan_block(chunk: int, _: int) -> None:
        here = slice(chunk * block, min((chunk + 1) * block, query_count))
        queries = _queries(level, scan, here, excluded)
        lists = _scan_parts(level, scan, queries, part_count)
        results = top
        if block < query_count:
            results = TopRows(top.counts[here], top.rows[here], top.scores[here])
        _finish(level, scan, queries, lists, results, doubtful[here])

    for_each_chunk(scan_block, -(-query_count // block), threads)
    return np.flatnonzero(doubtful)


def estimated_rows(scan: Scan, excluded: Interactions | None) -> tuple[IntArray, FloatArray]:
    """Return ascending rows, the `keep` of largest estimate for the only query among them.

    Beside them their estimates.
    """
    level = simd_level()
    lists = _scan_parts(level, scan, _queries(level, scan, slice(0, 1), excluded), 1)
    count = int(lists.counts[0, 0])
    query_scale = np.abs(scan.queries[0]).max() / np.float32(127)  # which the kernel leaves out
    return lists.rows[0, 0, :count], lists.scores[0, 0, :count] * query_scale


def is_doubtful(scores: FloatArray, estimates: FloatArray, k: int, keep: int) -> bool:
    """Say whether a row that is not among these may score as much as the k-th of them.

    The rows hold the `keep` of largest estimate; scores and estimates (n,). As in the kernel
    `finish`, see ERROR_MARGIN.
    """
    if len(scores) < keep:
        return False  # none was left out
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    left_out = np.partition(estimates, len(scores) - keep)[len(scores) - keep]
    return bool(last <= left_out + ERROR_MARGIN * np.abs(scores - estimates).max())


def score_rows(items: FloatArray, query: FloatArray, rows: IntArray) -> FloatArray:
    """Return the inner products (m,) of one query (dim,) with the named rows (m,)."""
    scores = np.empty(len(rows), np.float32)
    kernels.score_rows(simd_level(), items, _pad(query[None])[0], rows, scores)
    return scores


def first_value_beyond(values: FloatArray, limit: float) -> int:
    """Return the flat index of the first value that is NaN or beyond +-limit, or -1."""
    return kernels.first_value_beyond(values.reshape(-1), limit)


def _queries(level: int, scan: Scan, here: slice, excluded: Interactions | None) -> _Queries:
    padded, dim = _pad(scan.queries[here]), scan.items.shape[1]
    words = 0
    if scan.quantized is not None:
        words = scan.quantized.codes.shape[1] * kernels.query_words(level)
    codes = np.empty((len(padded), words), np.int32)
    offsets = np.empty(len(padded), np.int32)
    if words:
        kernels.quantize_queries(level, padded, dim, codes, offsets)
    if excluded is None:
        return _Queries(padded, codes, offsets, (None, None))
    starts = excluded.row_starts[here.start : here.stop + 1]
    return _Queries(padded, codes, offsets, (starts, excluded.columns))


def _scan_parts(level: int, scan: Scan, queries: _Queries, part_count: int) -> _Lists:
    """Fill the lists of a block of queries; each part of the positions is one thread's."""
    query_count, stride = queries.padded.shape
    capacity = scan.keep + scan.keep // 2 + LIST_SLACK + LIST_PADDING
    shape = (part_count, query_count, capacity)
    counts = np.empty(shape[:2], np.int64)
    lists = _Lists(counts, np.empty(shape, np.float32), np.empty(shape, np.int32))
    step = -(-scan.stop // (WORD_BITS * part_count)) * WORD_BITS

    def scan_part(part: int, _: int) -> None:
        stop = min((part + 1) * step, scan.stop)
        shared: tuple[Any, ...] = (
            scan.eligible,
            *queries.excluded,
            min(part * step, stop),
            stop,
            scan.keep,
            *(of_all_parts[part] for of_all_parts in lists),
            np.empty(query_count, np.int64),
            np.empty(query_count, np.float32),
        )
        if scan.quantized is None:
            panel = np.empty(kernels.panel_floats(level) * stride, np.float32)
            kernels.scan(level, scan.items, queries.padded, scan.rows, panel, *shared)
        else:
            codes, scales = scan.quantized.codes, scan.quantized.scales
            kernels.scan_int8(level, codes, scales, queries.codes, queries.offsets, *shared)

    for_each_chunk(scan_part, part_count, part_count)
    return lists


def _finish(
    level: int,
    scan: Scan,
    queries: _Queries,
    lists: _Lists,
    top: TopRows,
    doubtful: ByteArray,
) -> None:
    """Merge the parts' lists, score estimated ones again, write the best into `top`."""
    part_count, _, capacity = lists.rows.shape
    estimated = scan.quantized is not None
    kernels.finish(
        level,
        scan.items if estimated else None,
        queries.padded if estimated else None,
        ERROR_MARGIN,
        scan.keep,
        *lists,
        top.counts,
        top.scores,
        top.rows,
        np.empty(part_count * capacity, np.float32),
        np.empty(part_count * capacity, np.int32),
        np.empty(2 * part_count * capacity, np.uint64),
        doubtful,
    )


def _pad(queries: FloatArray) -> FloatArray:
    """Return the queries with zeros behind, to a multiple of the sum's eight lanes."""
    dim = queries.shape[1]
    if dim % SUM_LANES == 0:
        return queries
    padded = np.zeros((len(queries), -(-dim // SUM_LANES) * SUM_LANES), np.float32)
    padded[:, :dim] = queries
    return padded
