"""The negatives that a block of training pairs shares: drawn, and lent by the block's own pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shortlist.core.linear.gramian import LANES
from shortlist.core.sgd.negatives import NegativeSampler, item_weights
from shortlist.core.sgd.params import BLOCK_PAIRS, SgdParams

if TYPE_CHECKING:
    from shortlist.core.data.interactions import FloatArray, IntArray

_SEED_STEP = 0x9E3779B97F4A7C15


def block_negative_count(params: SgdParams) -> int:
    """Return how many negatives a whole block has, a multiple of 16."""
    return -(-params.negative_count // LANES) * LANES + BLOCK_PAIRS * params.in_batch


class BlockNegatives:
    """The distribution of negatives over items, prepared once; immutable."""

    def __init__(self, item_counts: npt.NDArray[np.integer], params: SgdParams) -> None:
        """item_counts (items,): pairs of each item; one that nobody has is never a negative."""
        self._params = params
        self._total = max(1, int(item_counts.sum()))
        self._counts, self._sampler = item_counts, None
        if params.negative_count and item_counts.any():
            weights, power = item_weights(item_counts, params.negative_power, params.uniform_share)
            self._sampler = NegativeSampler(len(weights), weights, power=power)
        lent_count = self._lent_count(BLOCK_PAIRS)
        self.count = block_negative_count(params)
        self._drawn_count = self.count - lent_count
        self._whole_block = self._log_expected(lent_count)

    def of_batch(self, items: IntArray, step: int) -> list[tuple[IntArray, FloatArray]]:
        """Return ascending rows and their corrections for each block of a batch's items (n,).

        A block of fewer than 256 pairs lends as many of its items as make whole vectors.
        """
        block_count = -(-len(items) // BLOCK_PAIRS)
        drawn = self._draw(block_count * self._drawn_count, step).reshape(block_count, -1)
        negatives = []
        for block in range(block_count):
            own = items[block * BLOCK_PAIRS : (block + 1) * BLOCK_PAIRS]
            lent = own[: self._lent_count(len(own))]
            rows = np.sort(np.concatenate([drawn[block], lent]))
            whole = len(own) == BLOCK_PAIRS
            table = self._whole_block if whole else self._log_expected(len(lent))
            corrections = np.zeros(len(rows), np.float32) if table is None else table[rows]
            negatives.append((rows, corrections))
        return negatives

    def of_nobody(self, count_min: int) -> tuple[IntArray, FloatArray]:
        """Return at least so many of the same distribution, for histories that come later."""
        if not self.count or not self._counts.any():
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        times = -(-count_min // self.count)
        lender = NegativeSampler(len(self._counts), self._counts, power=1.0)
        lent = lender.draw(times * self._lent_count(BLOCK_PAIRS), seed=self._params.seed)
        rows = np.sort(np.concatenate([self._draw(times * self._drawn_count, 0), lent]))
        corrections = np.zeros(len(rows), np.float32)
        if self._whole_block is not None:
            corrections = self._whole_block[rows] + np.float32(np.log(times))
        return rows, corrections

    def _lent_count(self, pair_count: int) -> int:
        return pair_count // LANES * LANES if self._params.in_batch else 0

    def _draw(self, count: int, step: int) -> IntArray:
        if self._sampler is None:
            return np.zeros(0, np.int32)
        return self._sampler.draw(count, seed=(self._params.seed + step * _SEED_STEP) % 2**64)

    def _log_expected(self, lent_count: int) -> FloatArray | None:
        """Return the log of how often a block has each item (items,); None: nothing is corrected.

        However an item came, it stands for as many as both ways together bring of it.
        """
        if not self._params.correct_sampling:
            return None
        expected = lent_count * (self._counts / self._total)
        if self._sampler is not None:
            rows = np.arange(len(self._counts), dtype=np.int32)
            log_drawn = self._sampler.log_probability(rows).astype(np.float64)
            expected = expected + self._drawn_count * np.exp(log_drawn)
        with np.errstate(divide="ignore"):  # of items that are never negatives
            return np.log(expected).astype(np.float32)
