"""Interactions between rows: raw events, and the compressed sparse rows that training runs on.

Building is a counting sort by row, a sort by column inside each row, and one pass that makes one
entry of all events of a pair. Threads take ranges of rows; the ranges never change a bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from shortlist.core.data._interactions import (
    copy_rows,
    count_keys,
    merge_pairs,
    scatter_events,
    split_entries,
    transpose_rows,
)
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.parallel import for_each_chunk, resolve_threads

Aggregate: TypeAlias = Literal["sum", "max", "last", "count"]  # in the kernel's numbering
FloatArray: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int32]
LongArray: TypeAlias = npt.NDArray[np.int64]

AGGREGATES: tuple[str, ...] = get_args(Aggregate)
EVENTS_MAX = 2**31 - 1  # "last" keeps numbers of events in 32 bits
RANGES_MAX = 16  # every range reads the whole input, so more of them stop paying


@dataclass(frozen=True, slots=True)
class Events:
    """Interactions one by one, in reading order, as rows of the two vocabularies."""

    users: IntArray  # (n,) user rows
    items: IntArray  # (n,) item rows
    values: FloatArray  # (n,) rating, count, watch time; negative: a dislike of that strength
    times: LongArray | None = None  # (n,) milliseconds since 1970 UTC, or None where unknown

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, slots=True)
class Interactions:
    """Compressed sparse rows: one entry a (row, column) pair, columns ascending inside a row."""

    row_starts: LongArray  # (rows + 1,) entry index where each row starts
    columns: IntArray  # (entries,)
    values: FloatArray  # (entries,) aggregated value of the pair
    column_count: int

    @property
    def row_count(self) -> int:
        return len(self.row_starts) - 1

    @property
    def entry_count(self) -> int:
        return len(self.columns)

    def row(self, row: int) -> tuple[IntArray, FloatArray]:
        """Return (columns, values) of one row; views, not copies."""
        start, stop = self.row_starts[row], self.row_starts[row + 1]
        return self.columns[start:stop], self.values[start:stop]

    def row_range(self, first: int, last: int) -> Interactions:
        """Return rows first to last - 1; views, not copies, but for where they start."""
        start, stop = self.row_starts[first], self.row_starts[last]
        starts = self.row_starts[first : last + 1] - start
        columns, values = self.columns[start:stop], self.values[start:stop]
        return Interactions(starts, columns, values, self.column_count)


def single_row(columns: IntArray, values: FloatArray, column_count: int) -> Interactions:
    """Return one row of interactions; columns ascending."""
    starts = np.array([0, len(columns)], dtype=np.int64)
    return Interactions(starts, columns, values, column_count)


@dataclass(frozen=True, slots=True)
class Supported:
    """Events that survived `minimum_support`, renumbered over the rows that are left."""

    events: Events
    users: IntArray  # (users left,) their rows before, ascending
    items: IntArray  # (items left,) their rows before, ascending


def build_interactions(
    events: Events,
    row_count: int,
    column_count: int,
    aggregate: Aggregate = "sum",
    threads: int = 1,
) -> Interactions:
    """Compress events into users x items, one entry a pair.

    aggregate, over the events of one pair: "sum" (in double, in reading order), "max" (largest
    signed value: any like outweighs a dislike), "last" (latest time; of equal times, and without
    times, the one read last) or "count" (values ignored). threads: 0 is every core.
    Raises DataInvalid for rows out of range or values that are not finite.
    """
    if aggregate not in AGGREGATES:
        raise SettingInvalid("aggregate", aggregate, f"one of {', '.join(AGGREGATES)}")
    ranges = min(resolve_threads(threads), RANGES_MAX)
    _check_events(events, row_count, column_count)
    starts = _starts_of(events.users, row_count)
    cuts = _balanced_cuts(starts, ranges)
    position = starts[:-1].copy()
    entries = np.empty(len(events), np.uint64)
    numbered = aggregate == "last"
    payload = np.empty(0, np.uint32) if numbered else events.values.view(np.uint32)
    times = events.times if numbered and events.times is not None else np.empty(0, np.int64)
    merged_counts = np.zeros(row_count, np.int64)

    def gather(chunk: int, thread: int) -> None:
        first, last = cuts[chunk], cuts[chunk + 1]
        scatter_events(events.users, events.items, payload, first, last, position, entries)
        lengths = np.diff(starts[first : last + 1])
        spare = np.empty(int(lengths.max(initial=1)), np.uint64)
        bits = max(1, (column_count - 1).bit_length())
        code = AGGREGATES.index(aggregate)
        merge_pairs(
            entries, starts, first, last, bits, code, events.values, times, spare, merged_counts
        )

    for_each_chunk(gather, ranges, ranges)
    row_starts = _sums(merged_counts)
    columns = np.empty(int(row_starts[-1]), np.int32)
    values = np.empty(len(columns), np.float32)

    def split(chunk: int, thread: int) -> None:
        first, last = cuts[chunk], cuts[chunk + 1]
        split_entries(entries, starts, row_starts, first, last, columns, values)

    for_each_chunk(split, ranges, ranges)
    if not np.isfinite(values).all():
        raise DataInvalid("the sum of some pair's values exceeds float32")
    return Interactions(row_starts, columns, values, column_count)


def transposed(interactions: Interactions, threads: int = 1) -> Interactions:
    """Return items x users for users x items, and back."""
    ranges = min(resolve_threads(threads), RANGES_MAX)
    row_starts = _starts_of(interactions.columns, interactions.column_count)
    cuts = _balanced_cuts(row_starts, ranges)
    position = row_starts[:-1].copy()
    columns, values = np.empty_like(interactions.columns), np.empty_like(interactions.values)

    def turn(chunk: int, thread: int) -> None:
        source = interactions.row_starts, interactions.columns, interactions.values
        transpose_rows(*source, cuts[chunk], cuts[chunk + 1], position, columns, values)

    for_each_chunk(turn, ranges, ranges)
    return Interactions(row_starts, columns, values, interactions.row_count)


def column_counts(interactions: Interactions) -> LongArray:
    """Return how many entries each column has, (columns,)."""
    return np.diff(_starts_of(interactions.columns, interactions.column_count))


def select_rows(interactions: Interactions, rows: IntArray) -> Interactions:
    """Return some rows, in the order asked; a row may be asked for twice."""
    rows = np.ascontiguousarray(rows, np.int32)
    if len(rows) and not 0 <= rows.min() <= rows.max() < interactions.row_count:
        raise DataInvalid(f"rows to select leave 0..{interactions.row_count - 1}")
    row_starts = _sums(np.diff(interactions.row_starts)[rows])
    columns = np.empty(int(row_starts[-1]), np.int32)
    values = np.empty(len(columns), np.float32)
    source = interactions.row_starts, interactions.columns, interactions.values
    copy_rows(*source, rows, row_starts, columns, values)
    return Interactions(row_starts, columns, values, interactions.column_count)


def minimum_support(
    events: Events, user_min: int, item_min: int, *, until_stable: bool = True
) -> Supported:
    """Drop items with fewer than item_min events, then users with fewer than user_min.

    Dropping users takes events from items, so this repeats until nothing changes;
    until_stable=False stops after one such pass. Events are counted, not distinct pairs.
    """
    users, items = events.users, events.items
    kept = np.arange(len(events))
    while True:
        before = len(kept)
        kept = kept[_counts_of(items[kept])[items[kept]] >= item_min]
        kept = kept[_counts_of(users[kept])[users[kept]] >= user_min]
        if len(kept) == before or not until_stable:
            break
    users_left, user_rows = _renumbered(users[kept])
    items_left, item_rows = _renumbered(items[kept])
    times = None if events.times is None else events.times[kept]
    left = Events(user_rows, item_rows, events.values[kept], times)
    return Supported(left, users_left, items_left)


def _check_events(events: Events, row_count: int, column_count: int) -> None:
    sizes = {len(events.users), len(events.items), len(events.values)}
    if events.times is not None:
        sizes.add(len(events.times))
    if len(sizes) != 1 or len(events) > EVENTS_MAX:
        raise DataInvalid(f"event arrays have lengths {sorted(sizes)}: one, to {EVENTS_MAX}")
    for name, rows, count in (
        ("user", events.users, row_count),
        ("item", events.items, column_count),
    ):
        if len(rows) and not 0 <= rows.min() <= rows.max() < count:
            raise DataInvalid(f"{name} rows of events leave 0..{count - 1}")
    if not np.isfinite(events.values).all():
        place = np.flatnonzero(~np.isfinite(events.values))[0]
        raise DataInvalid(f"value of event {place} is {events.values[place]}, not finite")


def _counts_of(rows: IntArray) -> LongArray:
    counts = np.zeros(int(rows.max(initial=-1)) + 1, np.int64)
    count_keys(rows, counts)
    return counts


def _renumbered(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct rows, ascending, and every row's place among them."""
    present = _counts_of(rows) > 0
    places = np.cumsum(present, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(present).astype(np.int32), places[rows]


def _starts_of(rows: IntArray, row_count: int) -> LongArray:
    counts = np.zeros(row_count, np.int64)
    count_keys(rows, counts)
    return _sums(counts)


def _sums(counts: LongArray) -> LongArray:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _balanced_cuts(starts: LongArray, ranges: int) -> list[int]:
    """Cut the rows into ranges of about equally many entries."""
    shares = np.arange(1, ranges) * int(starts[-1]) // ranges
    inner = np.searchsorted(starts[1:-1], shares, side="left") if len(starts) > 2 else shares * 0
    return [0, *(int(cut) for cut in inner), len(starts) - 1]
