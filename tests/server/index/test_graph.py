"""Graphs: every dtype finds the same items, searches share no view, and views are few."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from shortlist.core.data.interactions import FloatArray
from shortlist.core.scan.scoring import ItemScan, score_rows
from shortlist.server.domain.index import DTYPES, GraphOptions
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.index.graph import GraphIndex, build_graph

ITEMS, DIM = 3000, 16


def vectors(count: int, seed: int = 0) -> FloatArray:
    """Return vectors whose lengths differ by a hundred times, as those of popular items do."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(size=(count, 1)))
    return (rng.normal(size=(count, DIM)) * lengths).astype(np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
def test_few_bits_find_what_exact_search_finds_with_its_scores(tmp_path: Path, dtype: str) -> None:
    """What the graph names is scored again in float32, more of it than was asked for."""
    items, users = vectors(ITEMS), vectors(50, 1)
    build_graph(tmp_path / "g", items, options=GraphOptions(dtype=dtype))
    index = GraphIndex(tmp_path / "g", items, 512)
    exact = ItemScan(items).top(users, 100).rows
    found_count = 0
    for user, best in zip(users, exact, strict=True):
        rows, scores, scored_count = index.search(user, 100)
        assert scores.tobytes() == score_rows(items, user, rows).tobytes()
        assert np.all(np.diff(scores) <= 0)
        assert scored_count >= len(rows) == 100
        found_count += len(np.intersect1d(rows, best))
    assert found_count / exact.size >= 0.97


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [2, 30])
def test_zero_vectors_are_found(tmp_path: Path, dtype: str, count: int) -> None:
    """They have no angle to be compared by."""
    items = np.zeros((count, 4), np.float32)
    build_graph(tmp_path / "g", items, options=GraphOptions(dtype=dtype))
    rows, scores, _ = GraphIndex(tmp_path / "g", items, 128).search(items[0], count)
    assert rows.tolist() == list(range(count))
    assert not scores.any()


def test_few_bits_take_fewer_bytes(tmp_path: Path) -> None:
    items = vectors(500)
    for dtype in DTYPES:
        build_graph(tmp_path / dtype, items, options=GraphOptions(dtype=dtype))
    f32, bf16, i8 = ((tmp_path / dtype).stat().st_size for dtype in DTYPES)
    assert f32 - bf16 == pytest.approx(500 * (DIM + 1) * 2, abs=100)
    assert f32 - i8 == pytest.approx(500 * (DIM + 1) * 3, abs=100)


def test_more_edges_take_more_bytes(tmp_path: Path) -> None:
    items = vectors(500)
    build_graph(tmp_path / "few", items, options=GraphOptions(connectivity=8))
    build_graph(tmp_path / "many", items, options=GraphOptions(connectivity=64))
    assert (tmp_path / "few").stat().st_size < (tmp_path / "many").stat().st_size


def test_only_a_parallel_build_takes_more_threads(tmp_path: Path) -> None:
    """A graph built by one thread repeats to the bit, so threads are not taken unasked."""
    items = vectors(500)
    assert build_graph(tmp_path / "one", items, threads=3) == 1
    parallel = GraphOptions(parallel_build=True)
    assert build_graph(tmp_path / "many", items, options=parallel, threads=3) == 3
    found = GraphIndex(tmp_path / "many", items, 500).search(items[0], 10)
    assert found.rows.tolist() == ItemScan(items).top(items[:1], 10).rows[0].tolist()


def test_a_search_does_not_wait_for_one_that_runs(tmp_path: Path) -> None:
    """usearch lets the searches of one view wait for each other; here each has its own."""
    items = vectors(200)
    build_graph(tmp_path / "g", items)
    index = GraphIndex(tmp_path / "g", items, 128, views_max=2)
    with index._view() as held:
        found = index.search(items[0], 5)
        assert len(found.rows) == 5
        assert index._free, "the second view is kept"
        assert held not in index._free


def test_views_and_descriptors_stay_few_however_many_threads_search(tmp_path: Path) -> None:
    items = vectors(500)
    build_graph(tmp_path / "g", items)
    before = descriptors()
    assert descriptors_while_many_search(tmp_path / "g", items) <= before + 1
    assert descriptors() == before


def descriptors_while_many_search(path: Path, items: FloatArray) -> int:
    """Search by threads that come and go; return how many descriptors are open after that."""
    index = GraphIndex(path, items, 128, views_max=3)
    alone = index.search(items[0], 20).rows.tolist()
    together = threading.Barrier(16)

    def search(_: int) -> list[int]:
        together.wait()
        return [int(row) for row in index.search(items[0], 20).rows]

    for _ in range(3):
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(search, range(16))) == [alone] * 16
    assert 1 <= len(index._free) <= 3
    return descriptors()


def test_a_deleted_file_goes_on_answering(tmp_path: Path) -> None:
    """A model may be deleted while a request still holds it and needs one more view."""
    items = vectors(200)
    build_graph(tmp_path / "g", items)
    index = GraphIndex(tmp_path / "g", items, 128, views_max=2)
    (tmp_path / "g").unlink()
    with index._view():
        assert len(index.search(items[0], 5).rows) == 5


def test_a_graph_with_another_distance_is_refused(tmp_path: Path) -> None:
    from usearch.index import Index

    items = vectors(20)
    other = Index(ndim=DIM + 1, metric="ip", dtype="f32")
    other.add(np.arange(20), np.ones((20, DIM + 1), np.float32), threads=1)
    other.save(str(tmp_path / "g"))
    with pytest.raises(ArtifactCorrupt, match="no index of this model"):
        GraphIndex(tmp_path / "g", items, 128)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
