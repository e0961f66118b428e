"""Rows of the caller's files that a training or an evaluation did not use."""

from __future__ import annotations

from dataclasses import dataclass

_REASONS = {
    "no_user": "without a user id",
    "no_item": "without an item id",
    "no_id": "without an id",
    "no_value": "without a value",
    "no_time": "without a time",
    "deleted_item": "of deleted items",
    "value_below_min": "with a value below value_min",
    "rare_user": "of users with fewer than user_events_min events",
    "rare_item": "of items with fewer than item_events_min events",
    "unknown_item": "of items that the model does not know",
    "not_shared": "that only one of the models can be measured on",
}


@dataclass(frozen=True, slots=True)
class LeftOutRows:
    """How many rows of one source one reason left out; a row counts under the first that holds."""

    source: str  # interactions, test_interactions, items, users
    reason: str  # no_user, no_item, no_id, no_value, no_time, deleted_item, value_below_min, ...
    count: int

    def __str__(self) -> str:
        where = "" if self.source == "interactions" else f"{self.source.replace('_', ' ')}: "
        rows = "row" if self.count == 1 else "rows"
        return f"{where}{self.count:,} {rows} {_REASONS.get(self.reason, self.reason)} left out"
