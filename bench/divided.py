"""Pairs divided: some of each row to know, the others to find."""

import numpy as np

from shortlist.core.data.interactions import Events, Interactions, build_interactions


def pairs_of(rows: Interactions, of_row: np.ndarray, kept: np.ndarray) -> Interactions:
    """Return the entries that a mask keeps."""
    events = Events(of_row[kept].astype(np.int32), rows.columns[kept], rows.values[kept])
    return build_interactions(events, rows.row_count, rows.column_count)


def joined(one: Interactions, other: Interactions) -> Interactions:
    """Return the pairs of both."""
    rows = [np.repeat(np.arange(x.row_count), np.diff(x.row_starts)) for x in (one, other)]
    columns = np.concatenate([one.columns, other.columns])
    values = np.concatenate([one.values, other.values])
    events = Events(np.concatenate(rows).astype(np.int32), columns, values)
    return build_interactions(events, one.row_count, one.column_count)


def divided(rows: Interactions, order: np.ndarray, count: int) -> tuple[Interactions, Interactions]:
    """Return the first `count` entries of each row in a random order, and the others."""
    of_row = np.repeat(np.arange(rows.row_count), np.diff(rows.row_starts))
    places = np.empty(len(order), np.int64)
    ranks = np.lexsort((order, of_row))
    places[ranks] = np.arange(len(order)) - rows.row_starts[of_row]
    return pairs_of(rows, of_row, places < count), pairs_of(rows, of_row, places >= count)
