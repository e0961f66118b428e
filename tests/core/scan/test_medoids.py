"""k-medoids: properties that any clustering by medoids must have, and one with a known answer."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.scan.medoids import cluster_medoids


def some_directions(seed: int, size: int, dim: int = 3) -> np.ndarray:
    vectors = np.random.default_rng(seed).integers(-2, 3, (size, dim)).astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=directions, where=lengths > 0)
    return directions


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 8))
def test_every_member_has_one_cluster_and_every_cluster_its_best_medoid(
    seed: int, size: int, count: int
) -> None:
    directions = some_directions(seed, size)
    found = cluster_medoids(directions, count)
    assert len(found.medoids) == len(found.members) <= count
    assert bool(size) == bool(len(found.medoids))
    assert sorted(np.concatenate([np.empty(0, int), *found.members]).tolist()) == list(range(size))
    sizes = [len(one) for one in found.members]
    assert sizes == sorted(sizes, reverse=True)
    assert all(sizes)
    for medoid, members in zip(found.medoids.tolist(), found.members, strict=True):
        closeness = directions[members] @ directions[members].T
        assert medoid in members
        assert closeness[members.tolist().index(medoid)].sum() >= closeness.sum(axis=1).max() - 1e-9


def test_bundles_of_directions_are_found_whatever_their_order() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(4)
    owner = rng.permutation(np.repeat(np.arange(4), [20, 15, 10, 5]))
    bundles = centres[owner] + rng.normal(0, 0.05, (50, 4))
    found = cluster_medoids(bundles / np.linalg.norm(bundles, axis=1, keepdims=True), 4)
    assert [sorted(set(owner[one])) for one in found.members] == [[0], [1], [2], [3]]
    assert owner[found.medoids].tolist() == [0, 1, 2, 3]


def test_one_direction_is_one_cluster() -> None:
    same = np.tile([[0.6, 0.8]], (7, 1))
    assert len(cluster_medoids(same, 5).medoids) == 1
