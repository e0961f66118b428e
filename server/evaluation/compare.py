"""Two published models on the same users and the same test items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from shortlist.core.metrics.bootstrap import paired_bootstraps
from shortlist.core.metrics.metrics import PER_QUERY
from shortlist.server.artifacts.artifact import Artifact
from shortlist.server.domain.evaluation import MetricDifference
from shortlist.server.evaluation.holdout import pair_keys, rows_in
from shortlist.server.evaluation.measure import Measured
from shortlist.server.reading import EventTable
from shortlist.server.reading.tables import events_where


def shared_test(table: EventTable, models: tuple[Artifact, Artifact]) -> EventTable:
    """Return the test events that both models can be measured on.

    Items that both were trained on, users that both or neither know, pairs that neither was trained
    on: what remains has the same users, histories and items to find under either model.
    """
    events = table.events
    kept = np.ones(len(events), np.bool_)
    knows = []
    for model in models:
        item_rows, item_known = rows_in(table.items, model.items)
        user_rows, user_known = rows_in(table.users, model.users)
        kept &= (item_known & (model.item_counts[item_rows] > 0))[events.items]
        known = user_known[events.users]
        pairs = user_rows[events.users] * np.int64(len(model.items)) + item_rows[events.items]
        kept &= ~(known & np.isin(pairs, pair_keys(model.seen)))
        knows.append(known)
    kept &= knows[0] == knows[1]
    return replace(table, events=events_where(events, kept))


def differences(
    model: list[Measured], baseline: list[Measured], seed: int
) -> Iterator[MetricDifference]:
    """Yield, of what `measure` found on a shared test, every metric of every group compared."""
    ours, theirs = _own(model), _own(baseline)
    for group, measured in ours.items():
        a, b = measured.metrics, theirs[group].metrics
        names = [(name, cutoff) for cutoff in a.cutoffs for name in PER_QUERY]
        values = [np.array([metrics.per_query(*name) for name in names]) for metrics in (a, b)]
        intervals = paired_bootstraps(values[0], values[1], seed)
        for (name, cutoff), interval in zip(names, intervals, strict=True):
            means = a.mean(name, cutoff), b.mean(name, cutoff)
            yield MetricDifference(
                name, cutoff, group, a.query_count, *means, low=interval.low, high=interval.high
            )


def _own(measured: list[Measured]) -> dict[str, Measured]:
    """Return what was measured of the model itself, which comes first in each group, by group."""
    return {method.group: method for method in reversed(measured)}
