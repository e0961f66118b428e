"""What every algorithm is to the rest of the server; nothing outside asks which one it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import Aggregate, Events, FloatArray, IntArray, Interactions
from shortlist.core.progress import Epoch, TrainerState
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.tuning_space import SearchSpace

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
    warm_start: WarmStart | None = None  # where wals begins
    resumed: TrainerState | None = None  # an earlier Epoch.state of this training to go on from


@dataclass(frozen=True, slots=True)
class Learned(Generic[P]):
    """What an algorithm made of the data; rows as in the data."""

    params: P  # with what was left to the data decided
    item_vectors: FloatArray | None = None  # (items, dim); None: no vectors
    user_vectors: FloatArray | None = None  # (users, dim), set whenever item_vectors are
    item_scores: FloatArray | None = None  # (items,) popularity; None: users who have the item
    segment_scores: Interactions | None = None  # segments x items, set with item_scores
    neighbours: Interactions | None = None  # items x items, similarities; None: no precomputed ones
    item_feature_weights: FloatArray | None = None  # (features, dim): features @ weights: an item
    user_feature_weights: FloatArray | None = None  # of users; a row where they have none: for all
    history_vectors: FloatArray | None = None  # (items, dim) of what encoders add up; None: items'
    losses: tuple[float, ...] = ()  # after each epoch


class HistoryEncoder(Protocol):
    """Gives users that training never saw a vector; immutable, used by many threads."""

    def solve(self, histories: Interactions, threads: int = 1) -> FloatArray:
        """Return the vectors (rows, dim) of histories (rows, items) of raw event values."""
        ...


class HistoryScorer(Protocol):
    """Scores every item for a history; immutable, used by many threads."""

    def scores(self, history: IntArray, values: FloatArray) -> FloatArray:
        """Return (items,) from ascending item rows (n,) and their event values (n,)."""
        ...


@runtime_checkable
class AdditiveEncoder(HistoryEncoder, Protocol):
    """An encoder whose vectors are sums over the history, so that scores can be explained."""

    def parts(self, history: Interactions) -> npt.NDArray[np.float64]:
        """Return (entries, dim): what each entry of one history adds to its vector."""
        ...


class Algorithm(Protocol[P]):
    """One algorithm; `name` is its field in TrainRequest, in manifests and in evaluations."""

    name: str
    params_type: type[P]
    aggregation: Aggregate  # of several events of a pair, where the training does not say
    offset_width: int  # last coordinates of a vector that hold biases and no direction
    predicts_values: bool  # an inner product is the value of the event, so errors can be measured
    tunable: bool  # there is a search_space

    def dim(self, params: P) -> int:
        """Return the length of its vectors, 0 for none."""
        ...

    def epoch_count(self, params: P) -> int:
        """Return how many epochs `fit` reports, 0 for none."""
        ...

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

    def search_space(self, params: P, seen: Interactions) -> SearchSpace[P] | None:
        """Return where better settings are looked for, None unless the algorithm is tunable."""
        ...

    def encoder(
        self,
        params: P,
        item_vectors: FloatArray,
        item_counts: npt.NDArray[np.integer],
        history_vectors: FloatArray | None,
    ) -> HistoryEncoder:
        """Return what folds histories in; only called for models with vectors."""
        ...

    def scorer(
        self, params: P, seen: Interactions, neighbours: Interactions | None
    ) -> HistoryScorer | None:
        """Return what scores without vectors, None where the algorithm has vectors or neither."""
        ...
