"""What learns: one trainer an algorithm, run in the training process only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from shortlist.core.data.interactions import Events, FloatArray, Interactions
from shortlist.core.progress import Epoch, TrainerState
from shortlist.server.domain.encoding import NO_ENCODER, EncoderState
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.tuning_space import TuningSpace

P = TypeVar("P")  # the algorithm's params: a frozen dataclass that checks itself


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Vectors of an earlier model in the rows of the data; zeros where it does not know the row."""

    user_vectors: FloatArray  # (users, dim)
    item_vectors: FloatArray  # (items, dim)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What an algorithm learns from. Users and items without events have empty rows and columns."""

    events: Events
    seen: Interactions  # users x items, events aggregated to one value a pair
    user_segments: Interactions | None = None  # users x segments, see core/counts/segments.py
    item_features: Interactions | None = None  # items x features; None: nothing was asked for
    user_features: Interactions | None = None  # users x features; None: nothing was asked for
    warm_start: WarmStart | None = None  # only where the algorithm starts warm
    resumed: TrainerState | None = None  # an earlier Epoch.state of this training to go on from


@dataclass(frozen=True, slots=True)
class Learned(Generic[P]):
    """What an algorithm made of the data; rows as in the data."""

    params: P  # with what was left to the data decided
    item_vectors: FloatArray | None = None  # (items, dim); None: no vectors
    user_vectors: FloatArray | None = None  # (users, dim), set whenever item_vectors are
    encoder: EncoderState = NO_ENCODER  # how users come to vectors, or to scores
    item_scores: FloatArray | None = None  # (items,) popularity; None: users who have the item
    segment_scores: Interactions | None = None  # segments x items, set with item_scores
    neighbours: Interactions | None = None  # items x items, similarities; None: no precomputed ones
    losses: tuple[float, ...] = ()  # after each epoch


class Trainer(Protocol[P]):
    """Learns by one algorithm; the facts of it are in server/domain/algorithms.py."""

    def fit(
        self, data: TrainingData, params: P, *, threads: int, on_epoch: Callable[[Epoch], None]
    ) -> Learned[P]:
        """Learn; the same bits at any thread count. What on_epoch raises ends the work.

        Raises DataInvalid where the data lacks what the params ask for.
        """
        ...

    def training_bytes(self, params: P, size: DataSize) -> int:
        """Return what `fit` allocates beside its data, at its peak; rather a little too much."""
        ...


@runtime_checkable
class TunableTrainer(Trainer[P], Protocol[P]):
    """The trainer of an algorithm that is tunable."""

    def tuning_space(self, params: P, seen: Interactions) -> TuningSpace[P]:
        """Return where better settings are looked for."""
        ...
