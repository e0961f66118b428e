"""Trains one algorithm on events: what comes out can be measured and published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.interactions import Events, FloatArray, Interactions, build_interactions
from shortlist.core.popularity import count_popularity, decayed_popularity
from shortlist.core.progress import Epoch
from shortlist.core.wals import train_wals
from shortlist.core.wals_params import WalsParams, with_data_defaults
from shortlist.server.artifacts.artifact import ModelContents
from shortlist.server.training.prepare import PreparedData
from shortlist.server.training.spec import PopularityParams, Preparation

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model and its loss after each epoch."""

    contents: ModelContents
    algorithm: WalsParams | PopularityParams  # with what was left to the data
    losses: tuple[float, ...]


def fit(
    data: PreparedData,
    events: Events,
    algorithm: WalsParams | PopularityParams,
    preparation: Preparation,
    *,
    threads: int,
    on_epoch: Callable[[Epoch], None],
) -> Fitted:
    """Train on `events`, all or some of data's; on_epoch may raise TrainingCancelled.

    Rows are data's, also those of users and items without events: zero vectors, zero counts.
    Raises DataInvalid where half_life_days asks for times and there are none.
    """
    seen = build_interactions(
        events, len(data.users), len(data.items), preparation.aggregation, threads
    )
    scores = popularity(events, seen, algorithm)
    item_vectors = user_vectors = None
    losses: tuple[float, ...] = ()
    if isinstance(algorithm, WalsParams):
        algorithm = with_data_defaults(algorithm, seen)
        factors = train_wals(
            seen, algorithm, threads=threads, on_epoch=lambda epoch, _: on_epoch(epoch)
        )
        item_vectors, user_vectors, losses = factors.items, factors.users, factors.losses
    counts = np.bincount(seen.columns, minlength=len(data.items)).astype(np.int64)
    return Fitted(
        ModelContents(
            items=data.items,
            users=data.users,
            item_vectors=item_vectors,
            user_vectors=user_vectors,
            item_scores=scores,
            item_counts=counts,
            seen=seen,
            attributes=data.attributes,
        ),
        algorithm,
        losses,
    )


def popularity(
    events: Events, seen: Interactions, algorithm: WalsParams | PopularityParams
) -> FloatArray:
    """Return how popular each item is, (items,): its users, or its events as they age."""
    if isinstance(algorithm, PopularityParams) and algorithm.half_life_days is not None:
        half_life_ms = algorithm.half_life_days * DAY_MS
        return decayed_popularity(events, seen.column_count, half_life_ms)
    return count_popularity(seen)
