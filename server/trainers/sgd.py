"""Matrix factorization by stochastic gradient descent over sampled negatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.progress import Epoch
from shortlist.core.sgd.block_negatives import block_negative_count
from shortlist.core.sgd.params import BLOCK_PAIRS, OFFSETS, SgdParams
from shortlist.core.sgd.sgd import SgdFactors, train_sgd
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.histories import SGD
from shortlist.server.storage.plain import to_plain
from shortlist.server.trainers.data_size import DataSize, padded
from shortlist.server.trainers.trainer import Learned, TrainingData
from shortlist.server.trainers.tuning_space import Axis, AxisSpace

POWER_MIN = 0.05  # beside a uniform share: at 0 there would be nothing to mix


class Sgd:
    """See core/sgd/sgd.py for the objectives and their sources."""

    def fit(
        self,
        data: TrainingData,
        params: SgdParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[SgdParams]:
        def tell(epoch: Epoch, factors: Callable[[], SgdFactors]) -> None:
            def vectors() -> tuple[FloatArray, FloatArray]:
                now = factors()
                return now.users, now.items

            on_epoch(replace(epoch, vectors=vectors))

        factors = train_sgd(data.seen, params, threads=threads, on_epoch=tell)
        encoder = EncoderState(SGD, to_plain(params))
        return Learned(params, factors.items, factors.users, encoder, losses=factors.losses)

    def training_bytes(self, params: SgdParams, size: DataSize) -> int:
        """Vectors and Adam's moments; pairs and their order; a batch's gradients, or the result."""
        width = padded(params.dim + OFFSETS)
        count = block_negative_count(params)
        blocks = -(-min(params.batch_size, size.event_count) // BLOCK_PAIRS)
        pairs, shared = blocks * BLOCK_PAIRS, blocks * count
        scratch = BLOCK_PAIRS * (2 * width + count) + 2 * count * width
        batch = 4 * width * (3 * pairs + 2 * shared) + 4 * size.threads * scratch
        made = 2 * size.vector_bytes(width)
        return 3 * size.vector_bytes(width) + 24 * size.event_count + max(batch, made)

    def tuning_space(self, params: SgdParams, seen: Interactions) -> AxisSpace[SgdParams]:
        return AxisSpace(params, _axes(params))


def _axes(params: SgdParams) -> list[Axis]:
    """Return what the loss and the negatives have; the epochs are found by stopping early."""
    axes = [Axis("learning_rate", 1e-3, 0.1), Axis("regularization", 1e-7, 1e-3)]
    if params.loss == "softmax":
        axes.append(Axis("temperature", 0.03, 1))
    if params.loss == "contrastive":
        axes.append(Axis("margin", 0, 0.95, logarithmic=False))
    if params.loss != "softmax" and (params.negative_count or params.in_batch):
        axes.append(Axis("negative_weight", 0.3, 300))
    if params.negative_count:
        power_min = POWER_MIN if params.uniform_share else 0.0
        axes.append(Axis("negative_power", power_min, 1, logarithmic=False))
    if params.gravity:
        axes.append(Axis("gravity", params.gravity / 100, min(params.gravity * 100, 1e6)))
    return axes
