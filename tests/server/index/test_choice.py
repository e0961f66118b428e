"""The index that was asked for is built at any size, and auto says what it measured and why."""

from pathlib import Path

import numpy as np
import pytest

from shortlist.core.data.interactions import FloatArray
from shortlist.server.artifacts.artifact import INDEX
from shortlist.server.artifacts.manifest import IndexReport, SearchTrial
from shortlist.server.domain.index import GraphOptions, IndexSpec
from shortlist.server.index import choice
from shortlist.server.index.choice import build_index, has_one_length
from shortlist.server.index.graph import GraphIndex

ASKED = {
    "usearch": IndexSpec("usearch", GraphOptions()),
    "lists": IndexSpec("lists"),
}


def vectors(count: int, dim: int = 8, seed: int = 0, one_length: bool = False) -> FloatArray:
    made = np.random.default_rng(seed).normal(size=(count, dim))
    if one_length:
        made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made.astype(np.float32)


def skipped(report: IndexReport) -> dict[str, str]:
    """Return why methods were not measured."""
    return {trial.method: trial.skipped for trial in report.trials if trial.skipped}


@pytest.mark.parametrize("kind", ["usearch", "lists"])
@pytest.mark.parametrize("count", [2, 10, 600])
def test_what_is_asked_for_is_built_at_any_size(tmp_path: Path, kind: str, count: int) -> None:
    """And chosen, though exact search is as fast in so small a catalog."""
    report = build_index(tmp_path, vectors(count), vectors(20, seed=1), asked=ASKED[kind])
    assert (report.kind, report.chosen, report.asked) == (kind, kind, True)
    assert report.recall_at_100 >= 0.98
    other = {"usearch": "lists", "lists": "usearch"}[kind]
    assert skipped(report) == {other: f"{kind} was asked for"}
    assert {trial.method for trial in report.trials} == {"exact", "lists", "usearch"}
    assert (tmp_path / INDEX).exists() == (kind == "usearch")
    assert (tmp_path / "list_rows.npy").exists() == (kind == "lists")
    assert report.build_threads == (kind == "usearch")


def test_exact_asked_for_builds_nothing(tmp_path: Path) -> None:
    report = build_index(tmp_path, vectors(300), vectors(20, seed=1), asked=IndexSpec("exact"))
    assert (report.kind, report.chosen, report.asked) == ("none", "exact", True)
    assert set(skipped(report).values()) == {"exact was asked for"}
    assert {path.name for path in tmp_path.iterdir()} == {"item_codes.npy", "item_scales.npy"}


def test_the_options_asked_for_are_used_and_reported(tmp_path: Path) -> None:
    options = GraphOptions(connectivity=8, expansion_add=64, dtype="i8", parallel_build=True)
    items = vectors(300)
    report = build_index(
        tmp_path, items, vectors(20, seed=1), asked=IndexSpec("usearch", options), threads=2
    )
    assert (report.connectivity, report.expansion_add, report.dtype) == (8, 64, "i8")
    assert report.build_threads == 2
    (smallest,) = {trial.effort for trial in report.trials if trial.effort == 128}
    assert report.expansion_search >= smallest
    assert len(GraphIndex(tmp_path / INDEX, items, 128).search(items[0], 5).rows) == 5


def test_the_index_asked_for_is_kept_where_it_finds_too_little(tmp_path: Path) -> None:
    """The least recall is a goal of its effort, no reason to leave it out."""
    few = IndexSpec("usearch", GraphOptions(connectivity=4, expansion_add=8))
    items = vectors(6000, 64)
    report = build_index(tmp_path, items, vectors(20, 64, 1), asked=few, target_recall=0.999_999_9)
    assert (report.kind, report.chosen) == ("usearch", "usearch")
    best = max(trial.recall_at_100 for trial in report.trials if trial.method == "usearch")
    assert report.recall_at_100 == best


def test_without_users_what_is_asked_for_is_built_unmeasured(tmp_path: Path) -> None:
    report = build_index(
        tmp_path, vectors(30), np.zeros((3, 8), np.float32), asked=ASKED["usearch"]
    )
    assert (report.kind, report.chosen, report.query_count) == ("usearch", "usearch", 0)
    assert skipped(report) == {
        "exact": choice.NO_USERS,
        "lists": "usearch was asked for",
        "usearch": choice.NO_USERS,
    }


def test_a_graph_is_measured_where_all_vectors_have_one_length(tmp_path: Path) -> None:
    items = vectors(2000, one_length=True)
    report = build_index(tmp_path, items, vectors(40, seed=1))
    assert skipped(report) == {}
    assert {trial.method for trial in report.trials} == {"exact", "lists", "usearch"}
    assert (tmp_path / INDEX).exists() == (report.kind == "usearch")


def test_a_graph_that_takes_too_much_of_the_training_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "GAIN_MIN_US", 1e9)  # lists do, however busy the machine is
    items = vectors(3000, one_length=True)
    report = build_index(tmp_path, items, vectors(40, seed=1), trained_seconds=1e-6)
    assert report.kind == "lists"
    assert "over 0.25 of the training's time" in skipped(report)["usearch"]
    assert not (tmp_path / INDEX).exists()


def test_lengths_count_as_one_within_rounding() -> None:
    assert has_one_length(vectors(100, one_length=True))
    assert has_one_length(7 * vectors(100, one_length=True))
    assert not has_one_length(vectors(100))
    assert not has_one_length(np.zeros((3, 2), np.float32))
    some = vectors(100, one_length=True)
    some[::2] = 0  # items that nobody has yet
    assert has_one_length(some)
    nearly = vectors(100, one_length=True)
    nearly[3] *= 1.01
    assert not has_one_length(nearly)


@pytest.mark.parametrize(
    ("lists_us", "graph_us", "kept"),
    [(100, 60, "lists"), (160, 60, "usearch"), (120, 90, "usearch"), (80, 60, "lists")],
)
def test_a_graph_is_kept_where_it_saves_enough_or_pays_where_lists_do_not(
    lists_us: float, graph_us: float, kept: str
) -> None:
    """Exact search takes 200 us: lists at 120 save too little to be used, a graph at 90 enough."""
    trials = [
        SearchTrial("exact", 0, 1.0, 200),
        SearchTrial("lists", 8, 0.99, lists_us),
        SearchTrial("usearch", 128, 0.99, graph_us),
    ]
    expected = {"lists": trials[1], "usearch": trials[2]}[kept]
    assert choice._kept(trials, 0.98) is expected
