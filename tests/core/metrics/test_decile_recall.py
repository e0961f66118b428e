"""Recall by popularity decile against a slow count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import SettingInvalid
from shortlist.core.metrics.decile_recall import popularity_deciles, recall_by_decile
from tests.core.metrics.rankings import relevant_of, top_of


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_each_decile_counts_its_own_items(data: st.DataObject) -> None:
    item_count = data.draw(st.integers(1, 40))
    items = st.integers(0, item_count - 1)
    counts = np.array(
        data.draw(st.lists(st.integers(0, 9), min_size=item_count, max_size=item_count))
    )
    lists = data.draw(st.lists(st.lists(items, unique=True, max_size=9), min_size=1, max_size=6))
    sets = [data.draw(st.sets(items)) for _ in lists]
    cutoffs = sorted(data.draw(st.sets(st.integers(1, 12), min_size=1, max_size=3)))
    deciles = popularity_deciles(counts)
    found = recall_by_decile(top_of(lists), relevant_of(sets, item_count), cutoffs, counts)
    assert [(one.cutoff, one.decile) for one in found] == [
        (cutoff, decile) for cutoff in cutoffs for decile in range(1, 11)
    ]
    for one in found:
        recalls = []
        for ranked, rows in zip(lists, sets, strict=True):
            there = {row for row in rows if deciles[row] == one.decile}
            if there:
                recalls.append(len(there & set(ranked[: one.cutoff])) / len(there))
        assert one.query_count == len(recalls)
        assert one.mean == pytest.approx(np.mean(recalls) if recalls else 0)
        error = np.std(recalls, ddof=1) / np.sqrt(len(recalls)) if len(recalls) > 1 else 0
        assert one.standard_error == pytest.approx(error, abs=1e-6)


def test_deciles_are_equal_parts_of_the_items_that_training_saw() -> None:
    counts = np.random.default_rng(0).permutation(np.arange(57) % 50)
    deciles = popularity_deciles(counts)
    assert (deciles[counts == 0] == 0).all()
    sizes = np.bincount(deciles[counts > 0], minlength=11)[1:]
    assert sizes.max() - sizes.min() <= 1
    for decile in range(1, 10):
        rarer, more = counts[deciles == decile], counts[deciles == decile + 1]
        assert rarer.max() <= more.min()


def test_popular_items_alone_score_in_the_top_decile_alone() -> None:
    counts = np.arange(1, 21)
    ranked = top_of([[19, 18]] * 4)
    found = recall_by_decile(ranked, relevant_of([{0, 18}] * 4, 20), [2], counts)
    assert [one.mean for one in found] == [0.0] * 9 + [1.0]
    assert [one.query_count for one in found] == [4, 0, 0, 0, 0, 0, 0, 0, 0, 4]


def test_counts_of_another_catalog_are_refused() -> None:
    with pytest.raises(SettingInvalid, match="item_counts="):
        recall_by_decile(top_of([[1]]), relevant_of([{1}], 4), [1], np.ones(3, np.int64))
