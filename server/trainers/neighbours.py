"""What was liked by users alike, or is liked together: a strong cheap baseline without vectors."""

from __future__ import annotations

from collections.abc import Callable

from shortlist.core.counts.neighbours import find_neighbours
from shortlist.core.counts.params import NeighboursParams
from shortlist.core.data.interactions import Interactions, transposed
from shortlist.core.progress import Epoch
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.neighbours import KIND
from shortlist.server.storage.plain import to_plain
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.trainer import Learned, TrainingData


class Neighbours:
    """See core/counts/neighbours.py and user_neighbours.py for the formulas and their sources."""

    def fit(
        self,
        data: TrainingData,
        params: NeighboursParams,
        *,
        threads: int,
        on_epoch: Callable[[Epoch], None],
    ) -> Learned[NeighboursParams]:
        encoder = EncoderState(KIND, to_plain(params))
        if params.kind == "user":  # found at the moment of the query, which needs only `seen`
            return Learned(params, encoder=encoder)
        by_item = transposed(data.seen, threads)
        near = find_neighbours(by_item, params.count, params.weighting, threads)
        lists = Interactions(near.row_starts, near.rows, near.similarities, by_item.row_count)
        return Learned(params, encoder=encoder, neighbours=lists)

    def training_bytes(self, params: NeighboursParams, size: DataSize) -> int:
        """Item neighbours: the lists, twice; both orientations weighted, in doubles on the way."""
        if params.kind == "user":
            return 0
        lists = 17 * min(params.count, size.item_count) * size.item_count
        return lists + 32 * size.event_count + 16 * size.threads * size.item_count
