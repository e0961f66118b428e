"""Scores of models that have no vectors: what neighbours of the history have."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from shortlist.core.counts.neighbours import Neighbours
from shortlist.core.counts.params import NeighboursParams
from shortlist.core.counts.user_neighbours import UserNeighbours
from shortlist.core.data.interactions import FloatArray, IntArray
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.encoder import Askers, ModelArrays
from shortlist.server.storage.plain import from_plain

KIND = "neighbours"


class HistoryScores(Protocol):
    """Neighbours of core."""

    def scores(self, history: IntArray, values: FloatArray) -> FloatArray:
        """Return (items,) from ascending item rows (n,) and their event values (n,)."""
        ...


class NeighbourScorer:
    """Scores by the neighbours of each item of a history, or of the user who has it."""

    def __init__(self, neighbours: HistoryScores) -> None:
        self._neighbours = neighbours

    def scores(self, askers: Askers) -> FloatArray:
        histories = map(askers.histories.row, range(len(askers)))
        return np.stack([self._neighbours.scores(rows, values) for rows, values in histories])


def open_neighbours(state: EncoderState, model: ModelArrays) -> NeighbourScorer:
    """Return the scorer of a model: by its lists of items, or, where it has none, by its users."""
    params = from_plain(NeighboursParams, dict(state.settings))
    lists = model.neighbours
    if lists is None:
        return NeighbourScorer(UserNeighbours(model.seen, params.count, params.weighting))
    return NeighbourScorer(Neighbours(lists.row_starts, lists.columns, lists.values))
