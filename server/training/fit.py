"""Trains one algorithm on events: what comes out can be measured and published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.counts.popularity import count_popularity
from shortlist.core.counts.segments import segment_popularity
from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.errors import TrainingDiverged
from shortlist.core.progress import Epoch
from shortlist.core.scan.scoring import VALUE_MAX
from shortlist.server.artifacts.artifact import ModelContents
from shortlist.server.domain.algorithms import Params
from shortlist.server.domain.training import Preparation
from shortlist.server.trainers.registry import trainer_of
from shortlist.server.trainers.trainer import Learned, TrainingData, WarmStart
from shortlist.server.training.checkpoints import Checkpoints
from shortlist.server.training.prepare import PreparedData


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model and its loss after each epoch."""

    contents: ModelContents
    params: Params  # with what was left to the data
    losses: tuple[float, ...]


def fit(
    data: PreparedData,
    events: Events,
    params: Params,
    preparation: Preparation,
    *,
    threads: int,
    on_epoch: Callable[[Epoch], None],
    warm_start: WarmStart | None = None,
    checkpoints: Checkpoints | None = None,
    name: str = "",
) -> Fitted:
    """Train on `events`, all or some of data's; on_epoch may raise TrainingCancelled.

    Rows are data's, also those of users and items without events: zero counts, and zero vectors
    where no features place them. checkpoints: goes on from the state that they have under `name`.
    Raises DataInvalid where the data lacks what the params ask for, TrainingDiverged where vectors
    grew too large to score with, and what the algorithm does.
    """
    seen = build_interactions(
        events, len(data.users), len(data.items), preparation.aggregation, threads
    )
    item_features, user_features = data.feature_values
    of_users = None if data.segments is None else data.segments.users
    states = None if checkpoints is None else checkpoints.fit(name, seen, params)

    def told(epoch: Epoch) -> None:
        if states is not None:
            states.save(epoch)
        on_epoch(epoch)

    learned: Learned[Params] = trainer_of(params).fit(
        TrainingData(
            events,
            seen,
            of_users,
            item_features=item_features,
            user_features=user_features,
            warm_start=warm_start,
            resumed=None if states is None else states.load(),
        ),
        params,
        threads=threads,
        on_epoch=told,
    )
    _check_size(learned)
    scores, segment_scores = learned.item_scores, learned.segment_scores
    if of_users is not None and segment_scores is None:
        segment_scores = _counted_by_segment(seen, of_users)
    contents = ModelContents(
        items=data.items,
        users=data.users,
        item_vectors=learned.item_vectors,
        user_vectors=learned.user_vectors,
        item_scores=count_popularity(seen) if scores is None else scores,
        item_counts=np.bincount(seen.columns, minlength=len(data.items)).astype(np.int64),
        seen=seen,
        attributes=data.attributes,
        neighbours=learned.neighbours,
        segments=data.segments,
        segment_scores=segment_scores,
        encoder=learned.encoder,
        item_schema=None if data.item_features is None else data.item_features.schema,
        user_schema=None if data.user_features is None else data.user_features.schema,
        user_features=user_features,
    )
    return Fitted(contents, learned.params, learned.losses)


def _check_size(learned: Learned[Params]) -> None:
    for side, vectors in (("items", learned.item_vectors), ("users", learned.user_vectors)):
        if vectors is None or not vectors.size:
            continue
        low, high = float(vectors.min()), float(vectors.max())  # NaN where there is one
        if not (low >= -VALUE_MAX and high <= VALUE_MAX):
            problem = f"vectors of {side} reach from {low:g} to {high:g}, beyond {VALUE_MAX:g}"
            advice = "smaller values, more regularization or a smaller learning rate help"
            raise TrainingDiverged(f"{problem}; {advice}")


def _counted_by_segment(seen: Interactions, user_segments: Interactions) -> Interactions:
    """Return how many users of each segment have each item; dislikes do not count."""
    rows = np.repeat(np.arange(seen.row_count), np.diff(seen.row_starts))
    liked = (seen.values >= 0).astype(np.float32)
    return segment_popularity(rows, seen.columns, liked, user_segments, seen.column_count)
