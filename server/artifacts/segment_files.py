"""A model's segments of users, as columns and a file of their own.

users.arrow gains `segment`, the row of each user's segment, null where there is none;
segments.arrow holds id and score, a list of (item row, popularity), in row order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from shortlist.core.counts.segments import UserSegments
from shortlist.core.data.interactions import Interactions
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.server.artifacts import arrow_files


def segment_column(users: Interactions) -> pa.Array:
    """Return the segment row of each user (users x segments), null where there is none."""
    has_one = np.diff(users.row_starts) > 0
    rows = np.zeros(users.row_count, np.int32)
    rows[has_one] = users.columns
    return pa.array(rows, mask=~has_one)


def segments_table(ids: Vocabulary, scores: Interactions) -> pa.Table:
    """Return ids and what is popular in each (segments x items)."""
    return pa.table({"id": arrow_files.ids_column(ids), "score": arrow_files.seen_column(scores)})


def read_segments(
    path: Path, users: pa.Table, item_count: int
) -> tuple[UserSegments, Interactions]:
    """Return what the two functions above were given. Raises as pyarrow does, and ValueError."""
    table = arrow_files.map_table(path)
    ids = Vocabulary.from_strings(table["id"].to_pylist())
    column = arrow_files.one_chunk(users, "segment")
    told = column.is_valid().to_numpy(zero_copy_only=False)
    rows = column.drop_null().to_numpy()
    if rows.dtype != np.int32 or rows.min(initial=0) < 0 or rows.max(initial=-1) >= len(ids):
        raise ValueError(f"segments of users leave 0..{len(ids) - 1}")
    starts = np.concatenate([[0], np.cumsum(told)]).astype(np.int64)
    of_users = Interactions(starts, rows, np.ones(len(rows), np.float32), len(ids))
    scores = arrow_files.seen_of(arrow_files.one_chunk(table, "score"), item_count)
    return UserSegments(ids, of_users), scores
