"""Spherical k-means: parts directions into clusters of large cosine (Dhillon and Modha, 2001).

The same bits at any thread count: assignment is a scan whose scores do not depend on threads, ties
go to the first centre, and the sums that move a centre run over its members in ascending order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from shortlist.core.scan.scoring import ItemScan

if TYPE_CHECKING:
    from collections.abc import Callable

    from shortlist.core.data.interactions import FloatArray, IntArray

MEMBERS_SAMPLED: Final = 64  # a centre; more of them move no centre by much
TURNS: Final = 8
ROWS_AT_ONCE: Final = 1 << 16  # members assigned between two reports of progress
SEED: Final = 20260


def cluster_directions(
    directions: FloatArray,
    count: int,
    *,
    threads: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[FloatArray, IntArray]:
    """Return (centres (count, dim) of length 1, the nearest centre of each direction (n,)).

    directions (n, dim) float32 of length 1 or 0, n >= count >= 1. A cluster may end up empty.
    on_progress gets (members assigned, of how many in all), and what it raises ends the work.
    """
    rng = np.random.default_rng(SEED)
    sampled = min(len(directions), MEMBERS_SAMPLED * count)
    sample = directions[np.sort(rng.choice(len(directions), sampled, replace=False))]
    centres = sample[np.sort(rng.choice(sampled, count, replace=False))]
    total, done = TURNS * sampled + len(directions), 0

    def assign(members: FloatArray) -> IntArray:
        nonlocal done
        scan = ItemScan(centres, trusted=True)
        owners = np.empty(len(members), np.int32)
        for first in range(0, len(members), ROWS_AT_ONCE):
            part = members[first : first + ROWS_AT_ONCE]
            owners[first : first + len(part)] = scan.top(part, 1, threads=threads).rows[:, 0]
            done += len(part)
            on_progress(done, total)
        return owners

    for _ in range(TURNS):
        centres = _moved(centres, sample, assign(sample))
    return centres, assign(directions)


def unit_vectors(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (directions (n, dim), lengths (n,)); a zero vector keeps the direction zero."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    factors = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return vectors * factors[:, None].astype(np.float32), lengths.astype(np.float32)


def _moved(centres: FloatArray, members: FloatArray, owners: IntArray) -> FloatArray:
    """Return each centre at the direction of its members' sum; without members it stays."""
    order = np.argsort(owners, kind="stable")
    sizes = np.bincount(owners, minlength=len(centres))
    owning = np.flatnonzero(sizes)
    starts = (np.cumsum(sizes) - sizes)[owning]
    sums = np.add.reduceat(members[order], starts, axis=0, dtype=np.float64)
    lengths = np.sqrt(np.einsum("nd,nd->n", sums, sums))
    moves = lengths > 0  # members that cancel out leave it where it is
    moved = centres.copy()
    moved[owning[moves]] = sums[moves] / lengths[moves, None]
    return moved
