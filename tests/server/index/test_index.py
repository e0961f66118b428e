"""Approximate indexes find what exact search finds, say how well, and the better one is kept."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from shortlist.core.data.interactions import FloatArray, build_interactions
from shortlist.core.scan.inverted_file import InvertedFile, build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan, score_rows
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals
from shortlist.server.artifacts.artifact import INDEX
from shortlist.server.artifacts.code_files import LIST_FIELDS, map_codes, map_lists
from shortlist.server.artifacts.manifest import IndexReport
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.index.approximate import ApproximateIndex
from shortlist.server.index.choice import build_index
from shortlist.server.index.graph import GraphIndex, build_graph
from shortlist.server.index.lists import ListIndex
from shortlist.server.reading import EventSource, read_events

KINDS = ["usearch", "lists"]


def vectors(count: int, dim: int, seed: int = 0) -> FloatArray:
    """Return vectors whose lengths differ by a hundred times, as those of popular items do."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(size=(count, 1)))
    return (rng.normal(size=(count, dim)) * lengths).astype(np.float32)


def built(kind: str, folder: Path, items: FloatArray, effort: int = 512) -> ApproximateIndex:
    if kind == "lists":
        return ListIndex(items, build_inverted_file(items, quantize(items)), effort)
    build_graph(folder / INDEX, items)
    return GraphIndex(folder / INDEX, items, effort)


def kept(folder: Path, items: FloatArray, report: IndexReport) -> ApproximateIndex:
    """Open what a report speaks of."""
    if report.kind == "lists":
        return ListIndex(items, map_lists(folder, items.shape[1]), report.probes)
    return GraphIndex(folder / INDEX, items, report.expansion_search)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [2, 3, 50, 3000])
@pytest.mark.parametrize("dim", [1, 8])
def test_scores_are_the_items_own_best_first(
    tmp_path: Path, kind: str, count: int, dim: int
) -> None:
    items, users = vectors(count, dim), vectors(20, dim, 1)
    index = built(kind, tmp_path, items)
    for user in users:
        rows, scores, scored_count = index.search(user, 10)
        assert len(set(rows.tolist())) == len(rows) == min(10, count)
        assert scores.tobytes() == score_rows(items, user, rows).tobytes()
        assert np.all(np.diff(scores) <= 0)
        assert len(rows) <= scored_count <= count


@pytest.mark.parametrize("kind", KINDS)
def test_excluded_items_never_return(tmp_path: Path, kind: str) -> None:
    items, user = vectors(500, 8), vectors(1, 8, 1)[0]
    index = built(kind, tmp_path, items)
    best = index.search(user, 60).rows
    excluded = np.sort(best[:40])
    assert index.search(user, 20, excluded).rows.tolist() == best[40:].tolist()
    everything = np.arange(500, dtype=np.int32)
    assert len(index.search(user, 20, everything).rows) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_threads_share_an_index(tmp_path: Path, kind: str) -> None:
    items, users = vectors(2000, 8), vectors(64, 8, 1)
    index = built(kind, tmp_path, items, 32)
    alone = [index.search(user, 20).rows.tolist() for user in users]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda user: index.search(user, 20).rows.tolist(), users)) == alone


def test_more_candidates_take_more_lists() -> None:
    """The effort is measured for 100; the 1000 best lie in more lists than the 100 best."""
    items = vectors(3000, 8)
    index = ListIndex(items, build_inverted_file(items, quantize(items)), probes=5)
    user = vectors(1, 8, 1)[0]
    assert index.search(user, 10).scored_count == index.search(user, 100).scored_count
    assert index.search(user, 1000).scored_count > index.search(user, 100).scored_count


def test_the_report_tells_the_recall_that_a_search_has(tmp_path: Path) -> None:
    """Also after the files were opened anew."""
    items, users = vectors(4000, 16), vectors(300, 16, 1)
    report = build_index(tmp_path, items, users)
    assert report.recall_at_100 >= report.target_recall == 0.98
    index = kept(tmp_path, items, report)
    exact = ItemScan(items).top(users, 100).rows
    found = [index.search(user, 100).rows for user in users]
    hits = [len(np.intersect1d(*pair)) for pair in zip(found, exact, strict=True)]
    assert sum(hits) / exact.size == pytest.approx(report.recall_at_100)


def test_every_method_is_measured_and_only_one_index_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the least gain counts; the graph is not even built where it cannot save enough."""
    monkeypatch.setattr("shortlist.server.index.choice.GAIN_MIN_US", 0)
    report = build_index(tmp_path, vectors(3000, 8), vectors(40, 8, 1))
    assert {trial.method for trial in report.trials} == {"exact", "lists", "usearch"}
    assert report.trials[0].recall_at_100 == 1.0
    assert all(trial.microseconds > 0 for trial in report.trials)
    enough = [
        trial
        for trial in report.trials
        if trial.method != "exact" and trial.recall_at_100 >= report.target_recall
    ]
    fastest = min(enough, key=lambda trial: trial.microseconds)
    assert (report.kind, report.recall_at_100) == (fastest.method, fastest.recall_at_100)
    assert (tmp_path / INDEX).exists() == (report.kind == "usearch")
    assert (tmp_path / "list_rows.npy").exists() == (report.kind == "lists")


def test_small_gains_leave_the_graph_unbuilt_and_searches_exact(tmp_path: Path) -> None:
    report = build_index(tmp_path, vectors(300, 8), vectors(40, 8, 1))
    assert (report.kind, report.chosen) == ("lists", "exact")
    assert {trial.method for trial in report.trials} == {"exact", "lists"}


def test_where_nothing_finds_enough_the_index_that_finds_most_is_kept_but_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shortlist.server.index.choice.GRAPH_ITEMS_MAX", 0)
    monkeypatch.setattr("shortlist.server.index.choice._efforts", lambda file: [1])
    report = build_index(tmp_path, vectors(3000, 16), vectors(40, 16, 1), target_recall=0.999)
    assert (report.kind, report.probes, report.chosen) == ("lists", 1, "exact")
    assert report.recall_at_100 < 0.999


def test_a_target_of_one_means_exact_search_and_no_index(tmp_path: Path) -> None:
    report = build_index(tmp_path, vectors(300, 8), vectors(4, 8, 1), target_recall=1.0)
    assert (report.kind, report.chosen, report.trials) == ("none", "exact", ())
    assert {path.name for path in tmp_path.iterdir()} == {"item_codes.npy", "item_scales.npy"}


def test_codes_and_lists_come_back_as_they_were_made(tmp_path: Path) -> None:
    items = vectors(3000, 8)
    report = build_index(tmp_path, items, vectors(40, 8, 1))
    codes, made = map_codes(tmp_path, 3000, 8), quantize(items)
    assert codes.codes.tobytes() == made.codes.tobytes()
    assert codes.scales.tobytes() == made.scales.tobytes()
    if report.kind == "lists":
        mapped, expected = map_lists(tmp_path, 8), build_inverted_file(items, made)
        for field in LIST_FIELDS:
            assert getattr(mapped, field).tobytes() == getattr(expected, field).tobytes()
        assert isinstance(mapped, InvertedFile)


@pytest.mark.parametrize("threads", [2, 3])
def test_the_same_vectors_give_the_same_recalls(tmp_path: Path, threads: int) -> None:
    items, users = vectors(500, 8), vectors(30, 8, 1)
    found = []
    for count in (1, threads):
        (tmp_path / f"{count}").mkdir()
        report = build_index(tmp_path / f"{count}", items, users, threads=count)
        found.append({(t.method, t.effort): t.recall_at_100 for t in report.trials})
    both = found[0].keys() & found[1].keys()
    assert len(both) >= 3
    assert all(found[0][trial] == found[1][trial] for trial in both)


def test_the_same_vectors_give_the_same_graph(tmp_path: Path) -> None:
    items = vectors(500, 8)
    for name in ("one", "two"):
        build_graph(tmp_path / name, items)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_equal_and_zero_vectors_are_indexed(tmp_path: Path, kind: str) -> None:
    items = np.zeros((30, 4), np.float32)
    rows, scores, _ = built(kind, tmp_path, items).search(items[0], 30)
    assert rows.tolist() == list(range(30))
    assert not scores.any()


def test_without_users_nothing_is_measured_and_nothing_chosen(tmp_path: Path) -> None:
    items = vectors(30, 4)
    report = build_index(tmp_path, items, np.zeros((3, 4), np.float32))
    assert (report.query_count, report.chosen, report.recall_at_100) == (0, "", 0.0)
    assert len(kept(tmp_path, items, report).search(items[0], 5).rows) == 5


@pytest.mark.parametrize("count", [0, 1])
def test_there_is_no_index_of_fewer_than_two_items(tmp_path: Path, count: int) -> None:
    report = build_index(tmp_path, vectors(count, 4), vectors(3, 4))
    assert (report.kind, report.chosen) == ("none", "exact")


def test_what_progress_raises_ends_the_work(tmp_path: Path) -> None:
    told: list[float] = []

    def stop(done: int, total: int) -> None:
        told.append(done / total)
        if done / total > 0.5:
            raise InterruptedError(f"{done} of {total}")

    with pytest.raises(InterruptedError):
        build_index(tmp_path, vectors(5000, 2), vectors(3, 2), on_progress=stop)
    assert told == sorted(told)


def test_another_file_is_no_graph(tmp_path: Path) -> None:
    items = vectors(5, 2)
    build_graph(tmp_path / INDEX, items)
    with pytest.raises(ArtifactCorrupt, match="no index of this model"):
        GraphIndex(tmp_path / INDEX, vectors(6, 2), 128)
    (tmp_path / INDEX).write_bytes(b"not an index" * 100)
    with pytest.raises(ArtifactCorrupt):
        GraphIndex(tmp_path / INDEX, items, 128)


@pytest.mark.real_data
def test_recall_on_gowalla_is_98_percent(tmp_path: Path, real_data: Path) -> None:
    """With the default settings: nobody tunes an index by hand."""
    source = EventSource(str(real_data / "gowalla" / "train.txt"), format="adjacency")
    table = read_events(source)
    interactions = build_interactions(table.events, len(table.users), len(table.items))
    factors = train_wals(interactions, WalsParams(epochs=8), threads=2)
    report = build_index(tmp_path, factors.items, factors.users)
    print(report)
    assert report.recall_at_100 >= 0.98
