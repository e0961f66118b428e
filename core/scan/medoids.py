"""k-medoids by cosine: the few members that stand for a set of directions.

Alternates between assigning every member to the nearest medoid and making the member with the
largest sum of cosines its cluster's medoid (Park and Jun, "A simple and fast algorithm for
K-medoids clustering", 2009). Sums of cosines are inner products with a sum of directions, so a turn
costs n * count * dim, not n^2. Deterministic: medoids start farthest first, ties go to the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import LongArray

_TURNS_MAX = 30
_SAME = 1 - 1e-9  # cosine from which two members are one

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clusters:
    """The larger cluster first, ties by medoid; none is empty."""

    medoids: LongArray  # (clusters,) places of members
    members: list[LongArray]  # of each cluster, ascending places


def cluster_medoids(directions: Doubles, count: int) -> Clusters:
    """Part (n, dim) directions of length 1, or 0, into at most `count` clusters.

    Fewer where fewer differ; none where there are no members.
    """
    medoids = _farthest_first(directions, count)
    for _ in range(_TURNS_MAX):
        owner = np.argmax(directions @ directions[medoids].T, axis=1) if len(medoids) else medoids
        clusters = [np.flatnonzero(owner == cluster) for cluster in range(len(medoids))]
        moved = np.array(
            [_medoid(directions, cluster) for cluster in clusters if len(cluster)], np.int64
        )
        if np.array_equal(moved, medoids):
            break
        medoids = moved
    clusters = [cluster for cluster in clusters if len(cluster)]
    order = sorted(range(len(medoids)), key=lambda c: (-len(clusters[c]), medoids[c]))
    return Clusters(medoids[order], [clusters[c] for c in order])


def _farthest_first(directions: Doubles, count: int) -> LongArray:
    """Begin with the medoid of all; go on with the member farthest from those chosen."""
    if not len(directions):
        return np.empty(0, np.int64)
    chosen = [_medoid(directions, np.arange(len(directions)))]
    nearest = directions @ directions[chosen[0]]
    while len(chosen) < count:
        farthest = int(np.argmin(nearest))
        if nearest[farthest] >= _SAME:
            break
        chosen.append(farthest)
        nearest = np.maximum(nearest, directions @ directions[farthest])
        nearest[farthest] = 1.0  # also a zero direction, whose cosine with itself is 0
    return np.array(chosen, np.int64)


def _medoid(directions: Doubles, members: LongArray) -> int:
    theirs = directions[members]
    return int(members[np.argmax(theirs @ theirs.sum(axis=0))])
