"""Rows of the data that were not used, counted by reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

LeftOutSource: TypeAlias = Literal["interactions", "test_interactions", "items", "users"]
LeftOutReason: TypeAlias = Literal[
    "no_user",  # null or empty id
    "no_item",
    "no_id",  # of a table of items or users
    "no_value",
    "no_time",
    "deleted_item",
    "value_below_min",
    "rare_user",  # fewer events than user_events_min
    "rare_item",
    "unknown_item",  # to the model that is measured
    "not_shared",  # one of two models compared cannot be measured on it
]
LeftOutCounts: TypeAlias = Mapping[LeftOutReason, int]


@dataclass(frozen=True, slots=True)
class LeftOutRows:
    """How many rows one reason left out of one source; a row counts under the first that holds."""

    source: LeftOutSource
    reason: LeftOutReason
    count: int  # 1 or more


def left_out_rows(source: LeftOutSource, counts: LeftOutCounts) -> tuple[LeftOutRows, ...]:
    """Return the counts of one source in the order of the reasons, those of nothing left away."""
    reasons: tuple[LeftOutReason, ...] = get_args(LeftOutReason)
    return tuple(
        LeftOutRows(source, reason, counts[reason]) for reason in reasons if counts.get(reason)
    )
