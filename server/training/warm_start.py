"""Begins a training at the vectors of an earlier model."""

from __future__ import annotations

import numpy as np

from shortlist.core.data.interactions import FloatArray
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.artifacts.artifact import Artifact
from shortlist.server.artifacts.manifest import check_warm_start
from shortlist.server.domain.algorithms import Params
from shortlist.server.evaluation.holdout import rows_in
from shortlist.server.trainers.trainer import WarmStart
from shortlist.server.training.prepare import PreparedData


def warm_start(data: PreparedData, model: Artifact, params: Params) -> WarmStart:
    """Return a model's vectors in the rows of the data. Raises FieldInvalid."""
    check_warm_start(model.manifest, params)
    assert model.user_vectors is not None, "what starts warm has vectors"
    assert model.item_vectors is not None, "what starts warm has vectors"
    return WarmStart(
        _moved(data.users, model.users, model.user_vectors),
        _moved(data.items, model.items, model.item_vectors),
    )


def _moved(ids: Vocabulary, known: Vocabulary, vectors: FloatArray) -> FloatArray:
    rows, is_known = rows_in(ids, known)
    moved = np.zeros((len(ids), vectors.shape[1]), np.float32)
    moved[is_known] = vectors[rows[is_known]]
    return moved
