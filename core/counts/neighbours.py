"""Item-based and user-based neighbours: rows whose interactions are alike.

A strong cheap baseline, and related items that can be computed beforehand.
similarity(i, j) = sum_u w_iu w_ju, over weights w of the values x:

cosine  w_iu = x_iu / |x_i|
tfidf   w_iu = t_iu / |t_i|, t_iu = sqrt(x_iu) * log(1 + rows / df_u)
bm25    w_iu = x_iu (k1 + 1) / (x_iu + k1 (1 - b + b * l_i / mean l)) * log(1 + rows / df_u)

where df_u counts the rows that column u has, and l_i is the sum of row i (Robertson and Zaragoza,
The Probabilistic Relevance Framework, 2009). Dislikes (x < 0) push rows apart under cosine and do
not count under the other two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shortlist.core.counts._neighbours import nearest_rows
from shortlist.core.counts.params import COUNT_MAX, WEIGHTINGS, Weighting
from shortlist.core.data.interactions import (
    FloatArray,
    IntArray,
    Interactions,
    LongArray,
    transposed,
)
from shortlist.core.errors import SettingInvalid
from shortlist.core.parallel import for_each_chunk, resolve_threads

ROWS_AT_ONCE = 256
BM25_K1 = 1.2
BM25_B = 0.75


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The most similar other rows of each row, best first, ties by row; only similarities > 0."""

    row_starts: LongArray  # (rows + 1,) entry index where each row's neighbours start
    rows: IntArray  # (entries,) the neighbours
    similarities: FloatArray  # (entries,)

    def of(self, row: int) -> tuple[IntArray, FloatArray]:
        """Return (rows, similarities) of one row's neighbours; views, not copies."""
        start, stop = self.row_starts[row], self.row_starts[row + 1]
        return self.rows[start:stop], self.similarities[start:stop]

    def scores(self, history: IntArray, values: FloatArray) -> FloatArray:
        """Return, for every row, the sum of value * similarity over a history, (rows,)."""
        totals = np.zeros(len(self.row_starts) - 1)
        for row, value in zip(history, values, strict=True):
            near, similarities = self.of(int(row))
            totals[near] += float(value) * similarities.astype(np.float64)
        return totals.astype(np.float32)


def find_neighbours(
    interactions: Interactions, count: int, weighting: Weighting = "cosine", threads: int = 1
) -> Neighbours:
    """Return up to `count` neighbours of each row.

    interactions: items x users for items alike, users x items for users alike.
    Takes, for every row, the sum of the lengths of its columns in time, and beside the result
    rows x count entries and 16 bytes a row and thread in memory.
    """
    if not 1 <= count <= COUNT_MAX:
        raise SettingInvalid("count", count, f"1 to {COUNT_MAX}")
    if weighting not in WEIGHTINGS:
        raise SettingInvalid("weighting", weighting, f"one of {', '.join(WEIGHTINGS)}")
    threads = resolve_threads(threads)
    weighted = RowWeights(interactions, weighting).of(interactions)
    turned = transposed(weighted, threads)
    row_count = weighted.row_count
    count = min(count, max(1, row_count - 1))
    scores = np.empty((row_count, count), np.float32)
    nearest = np.empty((row_count, count), np.int32)
    counts = np.zeros(row_count, np.int64)
    totals = np.empty((threads, row_count))
    touched = np.empty((threads, row_count), np.int32)
    summed_for = np.full((threads, row_count), -1, np.int32)

    rows = weighted.row_starts, weighted.columns, weighted.values
    columns = turned.row_starts, turned.columns, turned.values

    def find(chunk: int, thread: int) -> None:
        first = chunk * ROWS_AT_ONCE
        last = min(first + ROWS_AT_ONCE, row_count)
        scratch = totals[thread], touched[thread], summed_for[thread]
        nearest_rows(*rows, *columns, first, last, *scratch, scores, nearest, counts)

    for_each_chunk(find, -(-row_count // ROWS_AT_ONCE), threads)
    used = np.arange(count) < counts[:, np.newaxis]
    row_starts = np.zeros(row_count + 1, np.int64)
    np.cumsum(counts, out=row_starts[1:])
    return Neighbours(row_starts, nearest[used], scores[used])


class RowWeights:
    """Weights of rows by what a whole matrix says of its columns; rows need not be its own."""

    def __init__(self, interactions: Interactions, weighting: Weighting) -> None:
        self._weighting = weighting
        if weighting == "cosine":
            return
        values = np.maximum(interactions.values, 0)
        holders = np.bincount(interactions.columns, values > 0, minlength=interactions.column_count)
        self._rarity = np.log1p(interactions.row_count / np.maximum(holders, 1))
        total = float(values.sum(dtype=np.float64))
        self._mean = total / interactions.row_count if total else 1.0

    def of(self, rows: Interactions) -> Interactions:
        """Return the rows with weights as values."""
        of_entry = np.repeat(np.arange(rows.row_count), np.diff(rows.row_starts))
        values = rows.values.astype(np.float64)
        if self._weighting != "cosine":
            values = np.maximum(values, 0)
            rarity = self._rarity[rows.columns]
            if self._weighting == "tfidf":
                values = np.sqrt(values) * rarity
            else:
                sums = np.bincount(of_entry, values, minlength=rows.row_count)
                damped = BM25_K1 * (1 - BM25_B + BM25_B * sums / self._mean)
                values = values * (BM25_K1 + 1) / (values + damped[of_entry]) * rarity
        if self._weighting != "bm25":
            norms = np.sqrt(np.bincount(of_entry, values**2, minlength=rows.row_count))
            values /= np.where(norms > 0, norms, 1)[of_entry]
        return replace(rows, values=values.astype(np.float32))
