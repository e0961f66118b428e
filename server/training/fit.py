"""Trains one algorithm on events: what comes out can be measured and published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shortlist.core.interactions import Events, FloatArray, build_interactions
from shortlist.core.popularity import count_popularity
from shortlist.core.progress import Epoch
from shortlist.server.algorithms.algorithm import Learned, TrainingData
from shortlist.server.algorithms.registry import Params, algorithm_of
from shortlist.server.artifacts.artifact import ModelContents
from shortlist.server.features.features import ItemFeatures
from shortlist.server.features.stored import features_table
from shortlist.server.training.prepare import PreparedData
from shortlist.server.training.spec import Preparation


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
) -> Fitted:
    """Train on `events`, all or some of data's; on_epoch may raise TrainingCancelled.

    Rows are data's, also those of users and items without events: zero counts, and zero vectors
    where no features place them.
    Raises DataInvalid where the data lacks what the params ask for.
    """
    seen = build_interactions(
        events, len(data.users), len(data.items), preparation.aggregation, threads
    )
    algorithm, features = algorithm_of(params), data.item_features
    learned: Learned[Params] = algorithm.fit(
        TrainingData(events, seen, None if features is None else features.values),
        params,
        threads=threads,
        on_epoch=on_epoch,
    )
    scores = learned.item_scores
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
        item_features=_with_weights(features, learned.feature_weights),
    )
    return Fitted(contents, learned.params, learned.losses)


def _with_weights(features: ItemFeatures | None, weights: FloatArray | None) -> pa.Table | None:
    if features is None or weights is None:
        return None
    return features_table(features.described, weights)
