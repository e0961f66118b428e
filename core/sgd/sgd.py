"""Matrix factorization by stochastic gradient descent over sampled negatives.

A score s is <u_i, v_j> (+ b_i + c_j), or their cosine. For every pair (i, j) that was liked, with
negatives n drawn for it, weight w and count N of them:

squared      (s - 1)^2 + w/N sum s_n^2; a dislike has the target 0
logistic     softplus(-s) + w/N sum softplus(s_n); a dislike has the label 0
bpr          w/N sum softplus(s_n - s)           Rendle et al., UAI 2009
softmax      -log(e^(s/T) / (e^(s/T) + sum e^(s_n/T - c_n)))    c_n = log(N q_n), the expected count
             of a negative, where the sampling is corrected (Bengio and Senecal 2008; Yi et al.,
             RecSys 2019), else 0 (Wu et al., "On the effectiveness of sampled softmax loss" 2022)
contrastive  1 - s + w/N sum max(0, s_n - margin)               SimpleX (Mao et al., CIKM 2021)

and, once a pair, its share of gravity * sum over ALL (i, j) of s_ij^2 (the course's regulariser of
the whole matrix, exact by way of Gramians), regularization * (|u|^2 + |v|^2) / 2.

A dislike (value < 0) trains nothing under bpr, softmax and contrastive. No observed pair is
ever a negative of its user. Steps are Adam's, for the rows that a batch meets.

Parallel and reproducible: a batch is cut into blocks of pairs that share their negatives; blocks
compute gradients from vectors that stand still, then each row is moved by one thread, its
gradients summed in a fixed order. The same seed and data give the same bits at any thread count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.cpu import simd_level
from shortlist.core.data.interactions import FloatArray, IntArray, Interactions
from shortlist.core.linear.gramian import LANES, aligned_zeros, gramian, rotate_rows
from shortlist.core.parallel import for_each_chunk, resolve_threads
from shortlist.core.progress import Epoch, run_epochs
from shortlist.core.sgd._sgd import block_gradients, scratch_size
from shortlist.core.sgd.adam import Grouped, MovingRows, Step, grouped
from shortlist.core.sgd.block_negatives import BlockNegatives
from shortlist.core.sgd.params import BLOCK_PAIRS, LOSSES, OFFSETS, SgdParams

GRAMIAN_STEPS = 64  # between two looks at the whole matrix


@dataclass(frozen=True, slots=True)
class SgdFactors:
    """Vectors ready for inner products: a user's is (u, 1, b), an item's (v, c, 1).

    Under cosine u and v have length 1 and the last two coordinates are 0.
    """

    users: FloatArray  # (users, dim + 2)
    items: FloatArray
    losses: tuple[float, ...]  # mean over an epoch's pairs as they were met


def train_sgd(
    interactions: Interactions,
    params: SgdParams,
    *,
    threads: int = 0,
    on_epoch: Callable[[Epoch, Callable[[], SgdFactors]], None] | None = None,
) -> SgdFactors:
    """Train on (users x items); users and items without a pair keep the zero vector.

    on_epoch gets each epoch and a way to the factors so far. Raises TrainingDiverged.
    """
    trainer = Trainer(interactions, params, resolve_threads(threads))
    losses: list[float] = []
    for ended in run_epochs(trainer.epoch, params.epochs, remedy="a smaller learning_rate"):
        losses.append(ended.loss)
        if on_epoch:
            on_epoch(ended, lambda: trainer.factors(tuple(losses)))
    return trainer.factors(tuple(losses))


class Trainer:
    """One training: its data, its vectors, and an epoch of steps."""

    def __init__(self, interactions: Interactions, params: SgdParams, threads: int) -> None:
        self._params = params
        self._threads = threads
        self._level = simd_level()
        self._positives = interactions
        counts = np.diff(interactions.row_starts)
        users = np.repeat(np.arange(interactions.row_count, dtype=np.int32), counts)
        liked = interactions.values >= 0
        kept = liked | (params.loss in ("squared", "logistic"))
        self._users, self._items = users[kept], interactions.columns[kept]
        self._labels = liked[kept].astype(np.float32)
        self._item_counts = np.bincount(self._items, minlength=interactions.column_count)
        self._user_counts = np.bincount(self._users, minlength=interactions.row_count)
        self._width = -(-(params.dim + OFFSETS) // LANES) * LANES
        if params.unit:  # no biases: the kernels need not carry their coordinates
            self._width = -(-params.dim // LANES) * LANES
        self._user_side, self._item_side = self._started()
        self._negatives = BlockNegatives(self._item_counts, params)
        self._step = 0
        self._room: tuple[FloatArray, ...] | None = None  # a batch's gradients, and scratch

    def epoch(self, number: int) -> float:
        """Meet every pair once, in a new order; return the mean loss."""
        batch_size = self._params.batch_size
        pair_count = len(self._users)
        order = np.random.default_rng([self._params.seed, number]).permutation(pair_count)
        total = 0.0
        for first in range(0, pair_count, batch_size):
            total += self._batch(order[first : first + batch_size])
        return total / max(1, pair_count)

    def factors(self, losses: tuple[float, ...]) -> SgdFactors:
        """Return the vectors as they are now."""
        dim = self._params.dim
        sides = []
        for side in (self._user_side, self._item_side):
            vectors = np.zeros((len(side.vectors), dim + OFFSETS), np.float32)
            if self._params.unit:
                lengths = np.linalg.norm(side.vectors, axis=1, keepdims=True)
                vectors[:, :dim] = side.vectors[:, :dim] / np.where(lengths > 0, lengths, 1)
            else:
                vectors[:] = side.vectors[:, : dim + OFFSETS]
            sides.append(vectors)
        return SgdFactors(sides[0], sides[1], losses)

    def _started(self) -> tuple[MovingRows, MovingRows]:
        """Return both sides at random; rows that are never met stay zero."""
        params = self._params
        generator = np.random.default_rng(params.seed)
        stddev = params.init_stddev / np.sqrt(params.dim)
        sides = []
        for counts in (self._user_counts, self._item_counts):
            side = MovingRows(len(counts), self._width)
            drawn = generator.standard_normal((len(counts), params.dim)).astype(np.float32) * stddev
            side.vectors[:, : params.dim] = np.where(counts[:, None] > 0, drawn, 0)
            sides.append(side)
        users = np.flatnonzero(self._user_counts).astype(np.int32)
        items = np.flatnonzero(self._item_counts).astype(np.int32)
        self._restore_ones(sides[0], users, sides[1], items)
        return sides[0], sides[1]

    def _restore_ones(
        self, users: MovingRows, user_rows: IntArray, items: MovingRows, item_rows: IntArray
    ) -> None:
        """Put the constant coordinates of rows back; a bias that is not asked for stays 0."""
        if self._params.unit:
            return
        params = self._params
        dim = params.dim
        users.vectors[user_rows, dim] = 1
        items.vectors[item_rows, dim + 1] = 1
        if not params.user_bias:
            users.vectors[user_rows, dim + 1] = 0
        if not params.item_bias:
            items.vectors[item_rows, dim] = 0

    def _batch(self, chosen: np.ndarray) -> float:
        """Compute the gradients of a batch, block by block, and move the rows it meets."""
        users, items = self._users[chosen], self._items[chosen]
        labels = self._labels[chosen]
        pair_count = len(chosen)
        blocks = self._negatives.of_batch(items, self._step)
        block_count = len(blocks)
        params = self._params
        width = self._width
        met = np.concatenate([items, *(rows for rows, _ in blocks)])
        starts = np.cumsum([pair_count, *(len(rows) for rows, _ in blocks)])
        if self._room is None:  # for the first batch, which is the largest
            sizes = scratch_size(BLOCK_PAIRS, self._negatives.count, width)
            self._room = tuple(
                np.empty(shape, np.float32)
                for shape in ((pair_count, width), (len(met), width), (self._threads, sizes))
            )
        user_gradients, item_gradients = self._room[0][:pair_count], self._room[1][: len(met)]
        scratch = self._room[2]
        losses = np.zeros(block_count)

        def differentiate(block: int, thread: int) -> None:
            part = slice(block * BLOCK_PAIRS, (block + 1) * BLOCK_PAIRS)
            shared = slice(starts[block], starts[block + 1])
            losses[block] = block_gradients(
                LOSSES.index(params.loss), params.unit, params.negative_weight,
                params.temperature, params.margin, params.hard_count or 0, users[part], items[part],
                labels[part], *blocks[block], self._user_side.vectors,
                self._item_side.vectors, self._positives.row_starts, self._positives.columns,
                user_gradients[part], item_gradients[part], item_gradients[shared],
                scratch[thread], self._level,
            )  # fmt: skip

        met_rows: dict[int, Grouped] = {}

        def work(chunk: int, thread: int) -> None:
            if chunk < 2:  # sorting needs no gradients
                met_rows[chunk] = grouped((met, users)[chunk])
            else:
                differentiate(chunk - 2, thread)

        for_each_chunk(work, block_count + 2, self._threads)
        if params.gravity:
            self._add_gravity(users, items, user_gradients, item_gradients[:pair_count])
        step = Step(
            params.learning_rate, 1 / pair_count, self._threads, self._level, params.regularization
        )
        self._item_side.move(met_rows[0], item_gradients, step)
        self._user_side.move(met_rows[1], user_gradients, step)
        self._restore_ones(self._user_side, met_rows[1].rows, self._item_side, met_rows[0].rows)
        self._step += 1
        return float(losses.sum())

    def _add_gravity(
        self,
        users: IntArray,
        items: IntArray,
        user_gradients: FloatArray,
        item_gradients: FloatArray,
    ) -> None:
        """Add each pair's share of the derivative of gravity * |U V'|^2."""
        if self._step % GRAMIAN_STEPS == 0:
            self._user_gramian = gramian(self._user_side.vectors, self._threads, self._level)
            self._item_gramian = gramian(self._item_side.vectors, self._threads, self._level)
        for rows, side, other, counts, gradients in (
            (users, self._user_side, self._item_gramian, self._user_counts, user_gradients),
            (items, self._item_side, self._user_gramian, self._item_counts, item_gradients),
        ):
            pulls = aligned_zeros(gradients.shape)
            np.take(side.vectors, rows, axis=0, out=pulls)
            rotate_rows(pulls, other, self._threads, self._level)
            shares = 2 * self._params.gravity / counts[rows]
            gradients += shares[:, None].astype(np.float32) * pulls
