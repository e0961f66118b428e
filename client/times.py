"""Moments as callers have them, as the contract has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

Time: TypeAlias = datetime | np.datetime64  # without a zone: UTC


def time_to_proto(when: Time | None) -> Timestamp | None:
    """Return the message. Raises ValueError for NaT and beyond the years 1 to 9999."""
    if when is None:
        return None
    moment = when.astype("datetime64[us]").item() if isinstance(when, np.datetime64) else when
    if not isinstance(moment, datetime):  # numpy gives a number where datetime has no year for it
        raise ValueError(f"{when} is no time in the years 1 to 9999")
    message = Timestamp()
    message.FromDatetime(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    return message
