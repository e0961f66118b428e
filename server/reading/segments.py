"""The segment of each user, gathered from a column of the events."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shortlist.core.counts.segments import SEGMENTS_MAX, UserSegments, main_segments
from shortlist.core.data.interactions import Events, IntArray, build_interactions
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading.batches import Place
from shortlist.server.reading.growing import GrowingArray
from shortlist.server.reading.ids import NO_CODE, IdCollector


class SegmentCollector:
    """Takes a segment an event; a user belongs to the one of most of their events."""

    def __init__(self, rows_guess: int) -> None:
        self._ids = IdCollector()
        self._codes = GrowingArray(np.int32, rows_guess)

    def add(
        self, column: pa.Array, name: str, place: Place, kept: npt.NDArray[np.bool_] | None
    ) -> None:
        """Take one batch; kept: the rows that stay, None for all."""
        codes = self._ids.codes(column, name, place)
        self._codes.append(codes if kept is None else codes[kept])

    def finish(self, user_rows: IntArray, user_count: int, name: str, uri: str) -> UserSegments:
        """Return each user's segment, the first of equally frequent ones; users may have none."""
        told = self._codes.array() != NO_CODE
        ids, rows = self._ids.finish(self._codes.array()[told])
        if not 1 <= len(ids) <= SEGMENTS_MAX:
            reason = f"{len(ids)} segments, not 1 to {SEGMENTS_MAX}"
            raise DataSourceInvalid(reason, file=uri, column=name)
        events = Events(user_rows[told], rows, np.ones(len(rows), np.float32))
        counts = build_interactions(events, user_count, len(ids), "count")
        return UserSegments(ids, main_segments(counts))
