"""Encoders of models that were written before a manifest said which encoder a model has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shortlist.core.data.interactions import FloatArray
from shortlist.core.errors import DataInvalid
from shortlist.server.domain.encoding import NO_ENCODER, EncoderState
from shortlist.server.encoders import fold_in, histories, neighbours

# By algorithm, as format version 1 knew them; the settings were the training's.
_KINDS = {
    "wals": fold_in.KIND,
    "sgd": histories.SGD,
    "ratings": histories.RATINGS,
    "svd": histories.PROJECTION,
    "distilled": histories.SUM,
    "neighbours": neighbours.KIND,
    "popularity": "",
}


def encoder_of_algorithm(
    algorithm: str,
    spec: Mapping[str, Any],
    *,
    user_weights: FloatArray | None,
    item_weights: FloatArray | None,
    history_vectors: FloatArray | None,
) -> EncoderState:
    """Return the encoder of a model by the spec of its training, as JSON. Raises DataInvalid."""
    if algorithm not in _KINDS:
        raise DataInvalid(f"algorithm is {algorithm!r}, not one of {', '.join(_KINDS)}")
    if not _KINDS[algorithm]:
        return NO_ENCODER
    arrays = {
        fold_in.USER_WEIGHTS: user_weights,
        fold_in.ITEM_WEIGHTS: item_weights,
        histories.HISTORY_VECTORS: history_vectors,
    }
    return EncoderState.of(_KINDS[algorithm], spec["algorithm"][algorithm], arrays)
