"""Ranking metrics against definitions written out, and against ranx."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import SettingInvalid
from shortlist.core.metrics.metrics import PER_QUERY, evaluate_ranking
from tests.core.metrics.rankings import relevant_of, top_of
from tests.oracles.metrics import metrics_of_query


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_every_metric_is_its_definition(data: st.DataObject) -> None:
    item_count = data.draw(st.integers(1, 12))
    items = st.integers(0, item_count - 1)
    lists = data.draw(st.lists(st.lists(items, unique=True), min_size=1, max_size=6))
    sets = [data.draw(st.sets(items)) for _ in lists]
    cutoffs = data.draw(st.lists(st.integers(1, 15), unique=True, min_size=1, max_size=3))
    measured = evaluate_ranking(top_of(lists), relevant_of(sets, item_count), cutoffs)
    counted = [q for q, rows in enumerate(sets) if rows]
    assert measured.query_count == len(counted)
    assert measured.skipped_count == len(lists) - len(counted)
    for k in cutoffs:
        expected = [metrics_of_query(lists[q], sets[q], k) for q in counted]
        for metric in PER_QUERY:
            wanted = [values[metric] for values in expected]
            np.testing.assert_allclose(measured.per_query(metric, k), wanted, atol=1e-12)
        shown = {row for q in counted for row in lists[q][:k]}
        at = measured.cutoffs.index(k)
        assert measured.coverage[at] == pytest.approx(len(shown) / item_count)


def test_a_worked_example() -> None:
    """Two of three relevant items at places 1 and 3."""
    measured = evaluate_ranking(top_of([[4, 9, 7, 1]]), relevant_of([{4, 7, 8}], 10), [3])
    assert measured.mean("precision", 3) == pytest.approx(2 / 3)
    assert measured.mean("recall", 3) == pytest.approx(2 / 3)
    assert measured.mean("map", 3) == pytest.approx((1 + 2 / 3) / 3)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert measured.mean("ndcg", 3) == pytest.approx((1 + 1 / 2) / ideal)
    assert measured.mean("mrr", 3) == 1


def test_metrics_agree_with_ranx() -> None:
    """An independent implementation; its recall and precision use the same denominators."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's own
        from ranx import Qrels, Run, evaluate
    rng = np.random.default_rng(0)
    lists = [rng.permutation(200)[:20].tolist() for _ in range(50)]
    sets = [set(rng.permutation(200)[: rng.integers(1, 40)].tolist()) for _ in lists]
    measured = evaluate_ranking(top_of(lists), relevant_of(sets, 200), [5, 20])
    qrels = Qrels({f"q{q}": {f"d{row}": 1 for row in rows} for q, rows in enumerate(sets)})
    run = Run(
        {
            f"q{q}": {f"d{row}": float(100 - place) for place, row in enumerate(rows)}
            for q, rows in enumerate(lists)
        }
    )
    names = ["recall", "ndcg"]  # each compiles for seconds
    wanted = [f"{name}@{k}" for name in names for k in (5, 20)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = evaluate(qrels, run, wanted)
    ours = measured.to_dict()
    for name in wanted:
        assert ours[name] == pytest.approx(theirs[name], abs=1e-9), name


def test_standard_error_is_the_deviation_over_root_n() -> None:
    lists, sets = [[0], [1], [2], [3]], [{0}, {0}, {2}, {3}]
    measured = evaluate_ranking(top_of(lists), relevant_of(sets, 4), [1])
    values = np.array([1, 0, 1, 1])
    assert measured.mean("recall", 1) == 0.75
    assert measured.standard_error("recall", 1) == pytest.approx(values.std(ddof=1) / 2)


def test_novelty_is_mean_self_information() -> None:
    """Items seen 8 and 1 times of 16: 1 bit and 4 bits; an item never seen counts as once."""
    counts = np.array([8, 1, 0, 7])
    ranked = top_of([[0, 1], [2]])
    measured = evaluate_ranking(ranked, relevant_of([{3}, {3}], 4), [1, 2], counts)
    assert measured.novelty is not None
    np.testing.assert_allclose(measured.novelty, [(1 + 4) / 2, (1 + 4 + 4) / 3])
    assert "novelty@2" in measured.to_dict()
    assert evaluate_ranking(ranked, relevant_of([{3}, {3}], 4), [1]).novelty is None


def test_no_query_with_relevant_items_gives_no_numbers() -> None:
    measured = evaluate_ranking(top_of([[1], [2]]), relevant_of([set(), set()], 4), [1])
    assert (measured.query_count, measured.skipped_count) == (0, 2)
    assert math.isnan(measured.mean("recall", 1))
    assert math.isnan(measured.standard_error("recall", 1))
    empty = evaluate_ranking(top_of([]), relevant_of([], 0), [1])
    assert empty.query_count == 0


def test_settings_out_of_range_are_refused() -> None:
    ranked, relevant = top_of([[1]]), relevant_of([{1}], 4)
    for cutoffs in ([0], [5, 5], [-1, 3]):
        with pytest.raises(SettingInvalid, match="cutoffs="):
            evaluate_ranking(ranked, relevant, cutoffs)
    with pytest.raises(SettingInvalid, match="ranked="):
        evaluate_ranking(top_of([[1], [2]]), relevant, [1])
    with pytest.raises(SettingInvalid, match="item_counts="):
        evaluate_ranking(ranked, relevant, [1], np.ones(3, np.int64))
    measured = evaluate_ranking(ranked, relevant, [1])
    with pytest.raises(SettingInvalid, match="metric="):
        measured.mean("auc", 1)
    with pytest.raises(SettingInvalid, match="cutoff="):
        measured.mean("recall", 2)
