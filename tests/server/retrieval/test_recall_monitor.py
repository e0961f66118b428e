"""Live recall: what sampled searches found, measured against exact search off the request path."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shortlist.core.scan.inverted_file import build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.domain.query import RetrieveQuery, SearchMode, UserQuery
from shortlist.server.index.lists import ListIndex
from shortlist.server.processes.metrics import metrics_text
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.recall_monitor import RecallMonitor, recall_of
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.serving_model import ServingModel
from shortlist.server.storage.live_recall import LiveRecallStore, Tally, cutoff_of
from tests.server.small_models import item_id, seen_ids, small_model, user_id

ITEMS, USERS, DIM = 2000, 20, 16


@pytest.fixture(scope="module")
def model() -> ServingModel:
    """A model whose index looks into few of its lists, so that it misses much."""
    rng = np.random.default_rng(5)
    base = small_model(seed=5, item_count=ITEMS, user_count=USERS, dim=DIM)
    assert base.space is not None
    items, users = (rng.normal(size=(n, DIM)).astype(np.float32) for n in (ITEMS, USERS))
    index = ListIndex(items, build_inverted_file(items, quantize(items)), probes=20)
    space = replace(
        base.space, item_vectors=items, user_vectors=users, scan=ItemScan(items), index=index
    )
    return replace(base, space=space)


def asked(row: int, **settings: object) -> RetrieveQuery:
    return replace(
        RetrieveQuery(UserQuery(user_id(row)), count=50, mode=SearchMode.APPROXIMATE),
        **settings,  # type: ignore[arg-type]
    )


def oracle_recall(model: ServingModel, row: int, found: list[str], excluded: set[str]) -> float:
    """Return the share of the 50 best that are not excluded, in float64."""
    assert model.space is not None
    scores = model.space.item_vectors.astype(np.float64) @ model.space.user_vectors[row]
    best = model.items.ids(np.argsort(-scores, kind="stable"))
    wanted = [one for one in best if one not in excluded][:50]
    return len(set(wanted) & set(found)) / 50


def test_a_poor_index_is_told_with_its_true_recall(model: ServingModel, tmp_path: Path) -> None:
    """Exclusions of a query hold in its second answer, alone and in a batch."""
    store = LiveRecallStore(tmp_path)
    monitor = RecallMonitor(store, 1.0)
    recalls = []
    for row in range(USERS):
        hidden = (item_id(3 * row), item_id(7))
        query = asked(row, exclude_item_ids=hidden)
        if row % 2:
            found = retrieve(model, query, observe=monitor.observe)
        else:
            (outcome,) = retrieve_each(lambda *_: model, [query], observe=monitor.observe)
            assert not isinstance(outcome, Exception)
            found = outcome
        assert found.search.mode is SearchMode.APPROXIMATE
        excluded = seen_ids(model, row) | set(hidden)
        recalls.append(oracle_recall(model, row, found.item_ids, excluded))
    monitor.close()
    assert np.mean(recalls) < 0.9, "an index that misses something, or this test says nothing"
    (tally,) = store.of_model("default", "small")
    assert (tally.cutoff, tally.queries, tally.dropped) == (50, USERS, 0)
    assert tally.recall == pytest.approx(np.mean(recalls))
    error = np.std(recalls, ddof=1) / np.sqrt(USERS)
    assert tally.standard_error == pytest.approx(error)


def test_only_a_share_of_the_approximate_searches_is_sampled(
    model: ServingModel, tmp_path: Path
) -> None:
    draws = iter([0.09, 0.1, 0.5, 0.0])
    store = LiveRecallStore(tmp_path)
    monitor = RecallMonitor(store, 0.1, draw=lambda: next(draws))
    for row in range(4):
        retrieve(model, asked(row), observe=monitor.observe)
        retrieve(model, asked(row, mode=SearchMode.EXACT), observe=monitor.observe)
    monitor.close()
    assert [one.queries for one in store.all()] == [2]


def test_a_full_queue_drops_and_counts_and_never_waits(model: ServingModel, tmp_path: Path) -> None:
    """The thread is held up by the store, so notes pile up; requests go on."""
    entered, go_on = threading.Event(), threading.Event()

    class Held(LiveRecallStore):
        def add(self, tallies):  # type: ignore[no-untyped-def]
            entered.set()
            go_on.wait(30)
            super().add(tallies)

    store = Held(tmp_path)
    monitor = RecallMonitor(store, 1.0, waiting_max=2)
    retrieve(model, asked(0), observe=monitor.observe)
    assert entered.wait(30)
    for row in range(1, 6):
        retrieve(model, asked(row), observe=monitor.observe)
    go_on.set()
    monitor.close()
    (tally,) = store.all()
    assert (tally.queries, tally.dropped) == (3, 3)


def test_workers_add_to_the_same_sums_and_deletion_drops_them(tmp_path: Path) -> None:
    one, other = LiveRecallStore(tmp_path), LiveRecallStore(tmp_path)
    one.add([Tally("default", "m", 10, 2, 1.5, 1.25), Tally("default", "n", 10, 1, 1.0, 1.0)])
    other.add([Tally("default", "m", 10, 1, 0.25, 0.0625, 4), Tally("default", "m", 50, 1, 1, 1)])
    small, large = one.of_model("default", "m")
    assert (small.queries, small.dropped, large.cutoff) == (3, 4, 50)
    assert small.recall == pytest.approx(1.75 / 3)
    other.forget("default", "m")
    assert [found.model_id for found in one.all()] == ["n"]


@pytest.mark.parametrize(
    ("count", "cutoff"), [(1, 10), (10, 10), (11, 20), (100, 100), (1001, 10_000), (99_999, 10_000)]
)
def test_counts_are_grouped(count: int, cutoff: int) -> None:
    assert cutoff_of(count) == cutoff


def test_recall_of_nothing_is_whole() -> None:
    none = np.zeros(0, np.int32)
    assert recall_of(none, none) == 1.0
    assert recall_of(none, np.array([1, 2], np.int32)) == 0.0


def test_a_single_query_has_no_standard_error() -> None:
    assert Tally("c", "m", 10, 1, 0.5, 0.25).standard_error == 0
    assert Tally("c", "m", 10).recall == 0


def test_the_page_names_catalog_model_and_k() -> None:
    text = metrics_text([Tally("c", "m", 10, 4, 3.0, 2.5, 1), Tally("c", "new", 20, 0, 0, 0, 2)])
    lines = text.splitlines()
    assert 'shortlist_index_recall{catalog="c",model="m",k="10"} 0.75' in lines
    assert 'shortlist_index_recall_queries_total{catalog="c",model="m",k="10"} 4' in lines
    assert 'shortlist_index_recall_dropped_total{catalog="c",model="new",k="20"} 2' in lines
    assert not any(line.startswith("shortlist_index_recall{") and "new" in line for line in lines)
    assert text.endswith("\n")
