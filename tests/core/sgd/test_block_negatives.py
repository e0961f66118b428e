"""The negatives of a block: where they come from, and how often each is expected."""

import numpy as np
import pytest

from shortlist.core.sgd.block_negatives import BlockNegatives
from shortlist.core.sgd.params import SgdParams

COUNTS = np.array([40, 1, 0, 90, 200, 7, 0, 262])
ITEMS = np.repeat(np.arange(len(COUNTS)), COUNTS).astype(np.int32)


def test_a_block_lends_its_own_items_beside_what_is_drawn() -> None:
    """Whole vectors of them: of 300 pairs the first block lends 256, the second 32 of its 44."""
    items = np.random.default_rng(1).permutation(ITEMS)[:300]
    found = BlockNegatives(COUNTS, SgdParams(negative_count=0, in_batch=True)).of_batch(items, 0)
    np.testing.assert_array_equal(found[0][0], np.sort(items[:256]))
    np.testing.assert_array_equal(found[1][0], np.sort(items[256:288]))
    both = BlockNegatives(COUNTS, SgdParams(negative_count=20, in_batch=True)).of_batch(items, 0)
    assert [len(rows) for rows, _ in both] == [256 + 32, 32 + 32]
    lent = np.bincount(items[:256], minlength=len(COUNTS))
    assert (np.bincount(both[0][0], minlength=len(COUNTS)) >= lent).all()


@pytest.mark.parametrize(
    "params",
    [
        SgdParams(negative_count=64, correct_sampling=True),
        SgdParams(negative_count=64, negative_power=0.5, correct_sampling=True),
        SgdParams(
            negative_count=64, negative_power=0.5, uniform_share=0.3, correct_sampling=True
        ),
        SgdParams(negative_count=0, in_batch=True, correct_sampling=True),
        SgdParams(
            negative_count=64, negative_power=1, uniform_share=1, in_batch=True,
            correct_sampling=True,
        ),
    ],
    ids=["uniform", "popularity", "mixed", "in batch", "in batch and uniform"],
)  # fmt: skip
def test_corrections_are_the_logs_of_how_often_each_item_is_met(params: SgdParams) -> None:
    """In whole blocks and in a last one of 40 pairs; who nobody has is never met."""
    shared, rng = BlockNegatives(COUNTS, params), np.random.default_rng(3)
    met, times = np.zeros((2, len(COUNTS))), 400
    expected = np.zeros_like(met)
    for step in range(times):
        for block, (rows, corrections) in enumerate(
            shared.of_batch(rng.permutation(ITEMS)[: 256 + 40], step)
        ):
            assert (np.diff(rows) >= 0).all()
            assert len(rows) % 16 == 0
            met[block] += np.bincount(rows, minlength=len(COUNTS))
            expected[block, rows] = np.exp(corrections)
    assert not met[:, COUNTS == 0].any()
    assert expected[:, COUNTS > 0].all()
    np.testing.assert_allclose(met / times, expected, rtol=0.04, atol=0.06)


def test_new_histories_meet_the_same_distribution() -> None:
    """As many times as it takes, and the correction says so."""
    params = SgdParams(
        negative_count=16, negative_power=1, uniform_share=0.5, correct_sampling=True
    )
    rows, corrections = BlockNegatives(COUNTS, params).of_nobody(4000)
    assert len(rows) == 4000
    met = np.bincount(rows, minlength=len(COUNTS))
    expected = np.zeros(len(COUNTS))
    expected[rows] = np.exp(corrections)
    assert expected.sum() == pytest.approx(4000, rel=1e-3)
    np.testing.assert_allclose(met, expected, rtol=0.15)
    nobody = BlockNegatives(np.zeros(4, np.int64), SgdParams(in_batch=True)).of_nobody(16)
    assert [len(part) for part in nobody] == [0, 0]
