"""Reads only what lies below the roots that an operator allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shortlist.server.domain.sources import AttributeSource, EventSource
from shortlist.server.reading.attributes import AttributeTable, read_attributes
from shortlist.server.reading.events import EventTable, read_events
from shortlist.server.reading.paths import check_path


def read_checked(
    source: EventSource,
    roots: Sequence[str] | None,
    threads: int,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> EventTable:
    """Read interactions from below the roots; None: the path was checked before."""
    if roots is not None:
        source = replace(source, uri=check_path(source.uri, roots))
    return read_events(source, on_progress=on_rows, threads=threads)


def read_checked_attributes(source: AttributeSource, roots: Sequence[str] | None) -> AttributeTable:
    """Read items or users from below the roots; None: the path was checked before."""
    checked = source if roots is None else replace(source, uri=check_path(source.uri, roots))
    return read_attributes(checked)
