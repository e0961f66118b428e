"""The kinds of encoders by name: all that a worker needs to know of how a model was trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from shortlist.core.errors import DataInvalid
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders import fold_in, histories, neighbours
from shortlist.server.encoders.encoder import Encoder, ModelArrays, Scorer

Opener: TypeAlias = Callable[[EncoderState, ModelArrays], Encoder | Scorer]

KINDS: dict[str, Opener] = {
    fold_in.KIND: fold_in.open_fold_in,
    histories.SGD: histories.open_sgd,
    histories.RATINGS: histories.open_ratings,
    histories.PROJECTION: histories.open_projection,
    histories.SUM: histories.open_sum,
    neighbours.KIND: neighbours.open_neighbours,
}


def open_encoder(state: EncoderState, model: ModelArrays) -> Encoder | Scorer | None:
    """Return what encodes, or scores, for a trained model; None: it answers everybody alike.

    Raises DataInvalid for a kind or settings that this version does not know, and KeyError where
    an array is missing.
    """
    if not state.kind:
        return None
    if state.kind not in KINDS:
        raise DataInvalid(f"encoder is {state.kind!r}, not one of {', '.join(KINDS)}")
    return KINDS[state.kind](state, model)
