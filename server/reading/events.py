"""Interactions from files: two vocabularies, and the events as rows of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import astuple, dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shortlist.core.counts.segments import UserSegments
from shortlist.core.data.interactions import EVENTS_MAX, Events, LongArray
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.parallel import resolve_threads
from shortlist.server.domain.sources import (
    ITEM_NAMES,
    NO_COLUMN,
    TIME_NAMES,
    USER_NAMES,
    VALUE_NAMES,
    EventColumns,
    EventSource,
    first_of,
)
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading.batches import Place, column_names, placed_batches, row_count
from shortlist.server.reading.files import check_text, find_files
from shortlist.server.reading.formats import DataFile
from shortlist.server.reading.growing import GrowingArray
from shortlist.server.reading.ids import NO_CODE, IdCollector
from shortlist.server.reading.numbers import milliseconds, present, times_of, values_of
from shortlist.server.reading.segments import SegmentCollector

ROWS_GUESS_MAX = 1 << 28  # a file may claim any number of rows; beyond this, arrays grow


@dataclass(frozen=True, slots=True)
class DroppedRows:
    """Rows left out, by the first reason that holds."""

    no_user: int = 0  # null or empty id
    no_item: int = 0  # null or empty id
    no_value: int = 0  # null
    no_time: int = 0  # null

    @property
    def total(self) -> int:
        return self.no_user + self.no_item + self.no_value + self.no_time


@dataclass(frozen=True, slots=True)
class EventTable:
    """What a source holds. Every id of the vocabularies has at least one event."""

    users: Vocabulary
    items: Vocabulary
    events: Events
    dropped: DroppedRows
    segments: UserSegments | None = None  # where the source names a column for them


def read_events(
    source: EventSource,
    *,
    on_progress: Callable[[int], None] | None = None,
    rows_max: int = EVENTS_MAX,
    threads: int = 2,
) -> EventTable:
    """Read all interactions of a source, in the order of its files and rows.

    on_progress(rows) is called after each batch with the rows read so far; what it raises ends
    the reading. threads: with more than one (0: every core), users and items are coded side by
    side; the result is the same. Negative values are kept (dislikes); without a value column
    every value is 1.
    Raises DataSourceInvalid (file, column, row) for what is missing or cannot be used, more than
    rows_max rows, and when no row is left.
    """
    files = find_files(source.uri, source.format)
    check_text(source.text, files)
    rows_guess = min(rows_max, ROWS_GUESS_MAX, sum(row_count(file) or 0 for file in files))
    with ThreadPoolExecutor(2, "shortlist-reading") as helper:
        gathered = _Gathered(
            helper if resolve_threads(threads) > 1 else None, rows_guess, source.columns.segment
        )
        _read_files(files, source, gathered, on_progress, rows_max)
    pa.default_memory_pool().release_unused()  # what decoding took, before the rest needs it
    return gathered.finish(source.uri)


def _read_files(
    files: Sequence[DataFile],
    source: EventSource,
    gathered: _Gathered,
    on_progress: Callable[[int], None] | None,
    rows_max: int,
) -> None:
    for file in files:
        columns = _resolved(source, file)
        names = [name for name in astuple(columns) if name]
        types = {columns.user: pa.string(), columns.item: pa.string(), columns.value: pa.float64()}
        types[columns.segment] = pa.string()
        types = {name: kind for name, kind in types.items() if name}
        batches = placed_batches(file, source.text, names, types)
        for place, batch in gathered.read_ahead(batches):
            gathered.add(batch, columns, place)
            if gathered.rows_read > rows_max:
                raise DataSourceInvalid(f"more than {rows_max} rows", file=source.uri)
            if on_progress:
                on_progress(gathered.rows_read)


class _Gathered:
    """The arrays of the batches so far."""

    def __init__(
        self, helper: ThreadPoolExecutor | None, rows_guess: int, segment_column: str
    ) -> None:
        self.rows_read = 0
        self._segment_column = "" if segment_column == NO_COLUMN else segment_column
        self._segments = SegmentCollector(rows_guess) if self._segment_column else None
        self._helper = helper
        self._users, self._items = IdCollector(), IdCollector()
        self._user_codes = GrowingArray(np.int32, rows_guess)
        self._item_codes = GrowingArray(np.int32, rows_guess)
        self._values = GrowingArray(np.float32, rows_guess)
        self._times = GrowingArray(np.int64, rows_guess)
        self._bare_times: bool | None = None
        self._timed: bool | None = None
        self._dropped = [0, 0, 0, 0]

    def add(self, batch: pa.RecordBatch, columns: EventColumns, place: Place) -> None:
        code_users = partial(self._users.codes, batch[columns.user], columns.user, place)
        coded_users = self._helper.submit(code_users) if self._helper else None
        items = self._items.codes(batch[columns.item], columns.item, place)
        valued = timed = None
        if columns.value:
            values = values_of(batch[columns.value], columns.value, place)
            valued = present(batch[columns.value])
        else:
            values = np.ones(batch.num_rows, np.float32)
        times = self._times_of(batch, columns, place)
        if columns.time:
            timed = present(batch[columns.time])
        users = coded_users.result() if coded_users else code_users()
        self.rows_read += batch.num_rows
        kept = self._kept((users != NO_CODE, items != NO_CODE, valued, timed))
        self._user_codes.append(users if kept is None else users[kept])
        self._item_codes.append(items if kept is None else items[kept])
        self._values.append(values if kept is None else values[kept])
        if times is not None:
            self._times.append(times if kept is None else times[kept])
        if self._segments is not None:
            self._segments.add(batch[columns.segment], columns.segment, place, kept)

    def read_ahead(
        self, batches: Generator[tuple[Place, pa.RecordBatch], None, None]
    ) -> Generator[tuple[Place, pa.RecordBatch], None, None]:
        """Yield batches while the next one is already being decoded."""
        if self._helper is None:
            yield from batches
            return
        pending = self._helper.submit(next, batches, None)
        try:
            while (batch := pending.result()) is not None:
                pending = self._helper.submit(next, batches, None)
                yield batch
        finally:
            wait([pending])
            batches.close()

    def finish(self, uri: str) -> EventTable:
        if not len(self._user_codes.array()):
            raise DataSourceInvalid(f"no usable row among {self.rows_read}", file=uri)
        users, user_rows = self._users.finish(self._user_codes.array())
        items, item_rows = self._items.finish(self._item_codes.array())
        times = None
        if self._timed:
            times = self._times.array()
            times = milliseconds(times) if self._bare_times else times
        events = Events(user_rows, item_rows, self._values.array(), times)
        segments = None
        if self._segments is not None:
            segments = self._segments.finish(user_rows, len(users), self._segment_column, uri)
        return EventTable(users, items, events, DroppedRows(*self._dropped), segments)

    def _times_of(
        self, batch: pa.RecordBatch, columns: EventColumns, place: Place
    ) -> LongArray | None:
        if self._timed not in (None, bool(columns.time)):
            raise place.invalid("some files have a time column and some have none", columns.time)
        self._timed = bool(columns.time)
        if not columns.time:
            return None
        found = times_of(batch[columns.time], columns.time, place)
        if self._bare_times not in (None, found.bare):
            raise place.invalid("some files have numbers as times, some have dates", columns.time)
        self._bare_times = found.bare
        return found.times

    def _kept(self, masks: Sequence[npt.NDArray[np.bool_] | None]) -> npt.NDArray[np.bool_] | None:
        """Return the rows that no mask drops, None for all; counts the others by reason."""
        kept: npt.NDArray[np.bool_] | None = None
        for reason, mask in enumerate(masks):
            if mask is None or mask.all():
                continue
            before = len(mask) if kept is None else int(kept.sum())
            kept = mask if kept is None else kept & mask
            self._dropped[reason] += before - int(kept.sum())
        return kept


def _resolved(source: EventSource, file: DataFile) -> EventColumns:
    """Return the columns by their names in this file; value and time empty where absent."""
    wanted = source.columns
    present_names = column_names(file, source.text, wanted.positional)

    def find(given: str, usual: tuple[str, ...]) -> str:
        if given == NO_COLUMN or (wanted.positional and not given):
            return ""
        if given and given not in present_names:
            raise DataSourceInvalid(_missing(present_names), file=file.path, column=given)
        return given or first_of(usual, present_names) or ""

    found = EventColumns(
        find(wanted.user, USER_NAMES),
        find(wanted.item, ITEM_NAMES),
        find(wanted.value, VALUE_NAMES),
        find(wanted.time, TIME_NAMES),
        find(wanted.segment, ()),
    )
    for column, role in ((found.user, "user"), (found.item, "item")):
        if not column:
            reason = f"no {role} column given or recognised; {_missing(present_names)}"
            raise DataSourceInvalid(reason, file=file.path)
    names = [name for name in astuple(found) if name]
    if len(set(names)) < len(names):
        raise DataSourceInvalid(f"one column is named for two things: {names}", file=file.path)
    return found


def _missing(names: list[str]) -> str:
    return f"the columns are {', '.join(names)} (without a header line, give their numbers)"
