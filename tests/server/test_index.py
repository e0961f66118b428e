"""The approximate index: finds what exact search finds, says how well, the same every time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from shortlist.core.interactions import FloatArray, build_interactions
from shortlist.core.scoring import ItemScan
from shortlist.core.wals import train_wals
from shortlist.core.wals_params import WalsParams
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.index import ApproximateIndex, build_index
from shortlist.server.reading import EventSource, read_events


def vectors(count: int, dim: int, seed: int = 0) -> FloatArray:
    """Return vectors whose lengths differ by a hundred times, as those of popular items do."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(size=(count, 1)))
    return (rng.normal(size=(count, dim)) * lengths).astype(np.float32)


@pytest.mark.parametrize("count", [2, 3, 50, 3000])
@pytest.mark.parametrize("dim", [1, 8])
def test_scores_are_inner_products_best_first(tmp_path: Path, count: int, dim: int) -> None:
    items, users = vectors(count, dim), vectors(20, dim, 1)
    index = ApproximateIndex(tmp_path / "i", build_index(tmp_path / "i", items, users))
    assert len(index) == count
    for user in users:
        rows, scores = index.search(user, 10)
        assert len(set(rows.tolist())) == len(rows) == min(10, count)
        exact = items[rows].astype(np.float64) @ user
        scale = np.linalg.norm(items, axis=1).max() * (1 + np.linalg.norm(user))
        np.testing.assert_allclose(scores, exact, atol=1e-5 * scale**2)
        assert np.all(np.diff(scores) <= 0)


def test_a_small_index_finds_everything(tmp_path: Path) -> None:
    items, users = vectors(40, 8), vectors(30, 8, 1)
    report = build_index(tmp_path / "i", items, users)
    assert (report.kind, report.recall_at_100, report.query_count) == ("usearch", 1.0, 30)
    rows, _ = ApproximateIndex(tmp_path / "i", report).search(users[0], 1000)
    assert sorted(rows.tolist()) == list(range(40))


def test_the_report_tells_the_recall_that_a_search_has(tmp_path: Path) -> None:
    """Also after the file was opened anew: settings that a stored index forgets are set again."""
    items, users = vectors(4000, 16), vectors(300, 16, 1)
    report = build_index(tmp_path / "i", items, users)
    assert report.recall_at_100 >= 0.98
    index = ApproximateIndex(tmp_path / "i", report)
    exact = ItemScan(items).top(users, 100).rows
    found = [index.search(user, 100)[0] for user in users]
    hits = [len(np.intersect1d(*pair)) for pair in zip(found, exact, strict=True)]
    assert sum(hits) / exact.size == pytest.approx(report.recall_at_100)


@pytest.mark.parametrize("threads", [2, 3])
def test_the_same_vectors_give_the_same_file(tmp_path: Path, threads: int) -> None:
    items, users = vectors(500, 8), vectors(30, 8, 1)
    one = build_index(tmp_path / "one", items, users, threads=1)
    many = build_index(tmp_path / "many", items, users, threads=threads)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "many").read_bytes()
    assert one.recall_at_100 == many.recall_at_100


def test_equal_and_zero_vectors_are_indexed(tmp_path: Path) -> None:
    items = np.zeros((30, 4), np.float32)
    report = build_index(tmp_path / "i", items, np.zeros((3, 4), np.float32))
    assert report.query_count == 0
    rows, scores = ApproximateIndex(tmp_path / "i", report).search(items[0], 30)
    assert sorted(rows.tolist()) == list(range(30))
    assert not scores.any()


@pytest.mark.parametrize("count", [0, 1])
def test_there_is_no_index_of_fewer_than_two_items(tmp_path: Path, count: int) -> None:
    report = build_index(tmp_path / "i", vectors(count, 4), vectors(3, 4))
    assert report.kind == "none"
    assert not (tmp_path / "i").exists()


def test_threads_share_an_index(tmp_path: Path) -> None:
    items, users = vectors(2000, 8), vectors(64, 8, 1)
    index = ApproximateIndex(tmp_path / "i", build_index(tmp_path / "i", items, users))
    alone = [index.search(user, 20)[0].tolist() for user in users]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda user: index.search(user, 20)[0].tolist(), users)) == alone


def test_what_progress_raises_ends_the_work(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise InterruptedError(f"{done} of {total}")

    with pytest.raises(InterruptedError, match="4096 of 5000"):
        build_index(tmp_path / "i", vectors(5000, 2), vectors(3, 2), on_progress=stop)


def test_another_file_is_no_index(tmp_path: Path) -> None:
    report = build_index(tmp_path / "i", vectors(5, 2), vectors(3, 2))
    (tmp_path / "i").write_bytes(b"not an index" * 100)
    with pytest.raises(ArtifactCorrupt):
        ApproximateIndex(tmp_path / "i", report)


@pytest.mark.real_data
def test_recall_on_gowalla_is_98_percent(tmp_path: Path, real_data: Path) -> None:
    """With the default settings: nobody tunes an index by hand."""
    source = EventSource(str(real_data / "gowalla" / "train.txt"), format="adjacency")
    table = read_events(source)
    interactions = build_interactions(table.events, len(table.users), len(table.items))
    factors = train_wals(interactions, WalsParams(epochs=8), threads=2)
    report = build_index(tmp_path / "i", factors.items, factors.users)
    print(report)
    assert report.recall_at_100 >= 0.98
