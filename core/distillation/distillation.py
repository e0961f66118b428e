"""Short vectors that rank as long ones do: a student learns a teacher's rankings.

The teacher is WALS of a large dimension. Of every user it ranks the items that the user does not
have; its best n, with the weights t_ij = softmax_j(teacher's score / teacher_temperature), are what
the student learns (ranking distillation, Tang and Wang, KDD 2018; soft targets, Hinton, Vinyals and
Dean 2015). The student has two vectors an item and none of a user: minimise

    - sum_i sum_j t_ij log( e^(s_ij / T) / sum over the items k that i does not have e^(s_ik / T) ),
    s_ij = cos( sum of x_k over what i likes, y_j ).

So a user's vector is a sum over the history (as in FISM, Kabbur, Ning and Karypis, KDD 2013): a
history that training never saw is answered exactly as one that it saw. A dislike adds nothing.

The sum over all items is estimated from all that the teacher ranked for a block of users and a
sample of the others, each with the weight of those it stands for. Parallel and reproducible as
core/sgd/sgd.py is: the same seed and data give the same bits at any thread count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.cpu import simd_level
from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, select_rows
from shortlist.core.distillation._distillation import distilled_gradients, scratch_size
from shortlist.core.distillation.fold_in import DistilledFoldIn, likes, unit_rows
from shortlist.core.distillation.params import DistilledParams
from shortlist.core.linear.eigen import eigenpairs
from shortlist.core.linear.gramian import LANES, aligned_zeros, gramian, rotate_rows
from shortlist.core.linear.sparse import multiply
from shortlist.core.parallel import for_each_chunk, resolve_threads
from shortlist.core.progress import Epoch, run_epochs
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.sgd.adam import MovingRows, Step, grouped

BLOCK_USERS = 128  # that share their candidates
_EXCLUDED = 1e30  # correction of a candidate that only fills up a line
_USERS_AT_ONCE = 4096  # that the teacher ranks


@dataclass(frozen=True, slots=True)
class DistilledFactors:
    """Vectors of length 1, or 0 where nothing is known; scores are cosines."""

    users: FloatArray  # (users, dim), what fold_in makes of their histories
    items: FloatArray  # (items, dim) y: how an item is found
    histories: FloatArray  # (items, dim) x: what an item adds to the vector of who likes it
    losses: tuple[float, ...]  # mean over an epoch's users as they were met


def train_distilled(
    interactions: Interactions,
    teacher_users: FloatArray,
    teacher_items: FloatArray,
    params: DistilledParams,
    *,
    threads: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> DistilledFactors:
    """Train the student on (users x items), the teacher's vectors being (users, d) and (items, d).

    Raises TrainingDiverged.
    """
    threads = resolve_threads(threads)
    targets = rankings(teacher_users, teacher_items, interactions, params, threads)
    start = leading_directions(teacher_items, params.dim, threads)
    trainer = Trainer(interactions, targets, start, params, threads)
    losses: list[float] = []
    for ended in run_epochs(trainer.epoch, params.epochs, remedy="a smaller learning_rate"):
        losses.append(ended.loss)
        if on_epoch:
            on_epoch(ended)
    return trainer.factors(tuple(losses))


def rankings(
    users: FloatArray,
    items: FloatArray,
    interactions: Interactions,
    params: DistilledParams,
    threads: int,
) -> Interactions:
    """Return users x items: what the vectors rank best for each user, with weights of sum 1.

    Of users without interactions nothing, and never what the user has.
    """
    scan = ItemScan(items)
    counts, columns, weights = [], [], []
    for first in range(0, interactions.row_count, _USERS_AT_ONCE):
        rows = np.arange(first, min(first + _USERS_AT_ONCE, interactions.row_count), dtype=np.int32)
        own = select_rows(interactions, rows)
        top = scan.top(users[rows], params.target_count, excluded=own, threads=threads)
        ranked = np.where(np.diff(own.row_starts) > 0, top.counts, 0)
        kept = np.arange(top.rows.shape[1]) < ranked[:, None]
        behind = np.where(kept, top.scores - top.scores[:, :1], -np.inf)
        powers = np.exp(behind / np.float32(params.teacher_temperature)).astype(np.float32)
        powers /= np.maximum(powers.sum(axis=1, keepdims=True), 1)
        counts.append(ranked)
        columns.append(top.rows[kept])
        weights.append(powers[kept])
    starts = np.zeros(interactions.row_count + 1, np.int64)
    if not counts:
        nobody, nothing = np.zeros(0, np.int32), np.zeros(0, np.float32)
        return Interactions(starts, nobody, nothing, interactions.column_count)
    np.cumsum(np.concatenate(counts), out=starts[1:])
    ranked_items = np.concatenate(columns)
    return Interactions(starts, ranked_items, np.concatenate(weights), interactions.column_count)


def leading_directions(vectors: FloatArray, dim: int, threads: int) -> FloatArray:
    """Return vectors (n, d) in the `dim` directions in which they vary most, (n, dim)."""
    level = simd_level()
    count = vectors.shape[1]
    turned = aligned_zeros((len(vectors), -(-count // LANES) * LANES))
    turned[:, :count] = vectors
    basis = eigenpairs(gramian(turned, threads, level), level)[1][:, ::-1]
    rotate_rows(turned, basis, threads, level)
    return turned[:, :dim].copy()


class Trainer:
    """One student: its data, its vectors, and an epoch of steps."""

    def __init__(
        self,
        interactions: Interactions,
        targets: Interactions,
        start: FloatArray,
        params: DistilledParams,
        threads: int,
    ) -> None:
        """Take users x items, what each user is to find, and first item vectors (items, <= dim)."""
        self._params = params
        self._threads = threads
        self._level = simd_level()
        self._positives = interactions
        self._targets = targets
        self._histories = likes(interactions)
        width = -(-params.dim // LANES) * LANES
        self._items, self._added = (MovingRows(len(start), width) for _ in range(2))
        for side in (self._items, self._added):
            side.vectors[:, : start.shape[1]] = start
        self._step = 0

    def epoch(self, number: int) -> float:
        """Meet every user once, in a new order; return the mean loss."""
        users = np.flatnonzero(np.diff(self._targets.row_starts)).astype(np.int32)
        order = np.random.default_rng([self._params.seed, number]).permutation(len(users))
        users = users[order]
        size = self._params.batch_size
        total = 0.0
        for first in range(0, len(users), size):
            total += self._batch(users[first : first + size])
        return total / max(1, len(users))

    def factors(self, losses: tuple[float, ...]) -> DistilledFactors:
        """Return the vectors as they are now."""
        dim = self._params.dim
        added = np.ascontiguousarray(self._added.vectors[:, :dim])
        items = unit_rows(self._items.vectors[:, :dim])
        users = DistilledFoldIn(added).solve(self._positives, self._threads)
        return DistilledFactors(users, items, added, losses)

    def _batch(self, users: IntArray) -> float:
        """Compute the gradients of a batch, block by block, and move the rows it meets."""
        histories = select_rows(self._histories, users)
        vectors = multiply(histories, self._added.vectors, threads=self._threads)
        gradients = np.empty_like(vectors)
        blocks = [slice(at, at + BLOCK_USERS) for at in range(0, len(users), BLOCK_USERS)]
        losses = np.zeros(len(blocks))
        candidates: list[IntArray] = [np.zeros(0, np.int32)] * len(blocks)
        candidate_gradients: list[FloatArray] = [gradients] * len(blocks)
        step = self._step

        def differentiate(block: int, _thread: int) -> None:
            part = blocks[block]
            own = select_rows(self._positives, users[part])
            targets = select_rows(self._targets, users[part])
            rng = np.random.default_rng([self._params.seed, step, block])
            rows, corrections = self.candidates(targets.columns, rng)
            pulls = np.empty((len(rows), vectors.shape[1]), np.float32)
            room = scratch_size(own.row_count, len(rows), vectors.shape[1])
            losses[block] = distilled_gradients(
                self._params.temperature, vectors[part], own.row_starts, own.columns, rows,
                corrections, self._items.vectors, targets.row_starts, targets.columns,
                targets.values, gradients[part], pulls,
                np.empty(room, np.float32), self._level,
            )  # fmt: skip
            candidates[block], candidate_gradients[block] = rows, pulls

        for_each_chunk(differentiate, len(blocks), self._threads)
        self._move(
            self._items, np.concatenate(candidates), np.concatenate(candidate_gradients), len(users)
        )
        owners = np.repeat(np.arange(len(users)), np.diff(histories.row_starts))
        self._move(self._added, histories.columns, gradients[owners], len(users))
        self._step += 1
        return float(losses.sum())

    def candidates(self, ranked: IntArray, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
        """Return (n,) ascending rows, n a multiple of 16, and what to take off their logits."""
        item_count = self._positives.column_count
        kept = np.unique(ranked)
        drawn = np.unique(rng.integers(0, item_count, self._params.sampled_items, dtype=np.int32))
        drawn = np.setdiff1d(drawn, kept, assume_unique=True)
        rows = np.concatenate([kept, drawn])
        corrections = np.zeros(len(rows), np.float32)
        if len(drawn):
            corrections[len(kept) :] = -np.log((item_count - len(kept)) / len(drawn))
        order = np.argsort(rows)
        spare = -len(rows) % LANES
        rows = np.concatenate([rows[order], np.full(spare, rows.max(initial=0), np.int32)])
        corrections = np.concatenate([corrections[order], np.full(spare, _EXCLUDED, np.float32)])
        return rows, corrections

    def _move(self, side: MovingRows, met: IntArray, gradients: FloatArray, users: int) -> None:
        step = Step(self._params.learning_rate, 1 / users, self._threads, self._level)
        side.move(grouped(met), gradients, step)
