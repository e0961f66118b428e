"""Begins a training at the vectors of an earlier model."""

from __future__ import annotations

import numpy as np

from shortlist.core.data.interactions import FloatArray
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.artifacts.artifact import Artifact
from shortlist.server.errors import FieldInvalid
from shortlist.server.evaluation.holdout import rows_in
from shortlist.server.trainers.trainer import WarmStart
from shortlist.server.training.prepare import PreparedData


def warm_start(data: PreparedData, model: Artifact, dim: int) -> WarmStart:
    """Return a model's vectors in the rows of the data. Raises FieldInvalid."""
    name = model.manifest.model_id
    check_warm_start(name, model.manifest.algorithm, model.manifest.dim, dim)
    assert model.user_vectors is not None, "wals has them"
    assert model.item_vectors is not None, "wals has them"
    return WarmStart(
        _moved(data.users, model.users, model.user_vectors),
        _moved(data.items, model.items, model.item_vectors),
    )


def check_warm_start(model_id: str, algorithm: str, found_dim: int, dim: int) -> None:
    """Raise FieldInvalid unless a model's vectors are such as wals of this dim begins at."""
    if algorithm != "wals" or found_dim != dim:
        what = f"{model_id} is a model of {algorithm} with dim {found_dim}"
        problem = f"{what}; wanted is one of wals with dim {dim}"
        raise FieldInvalid("warm_start_model", problem, found=model_id)


def _moved(ids: Vocabulary, known: Vocabulary, vectors: FloatArray) -> FloatArray:
    rows, found = rows_in(ids, known)
    moved = np.zeros((len(ids), vectors.shape[1]), np.float32)
    moved[found] = vectors[rows[found]]
    return moved
