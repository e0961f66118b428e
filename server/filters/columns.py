"""Columns of the attribute table in the few forms that restrictions work with."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from shortlist.server.errors import FilterUnknownField


def column_of(
    attributes: pa.Table, name: str, field: str, position: int | None = None
) -> pa.ChunkedArray:
    """Return a column, plain. Raises FilterUnknownField; `position` is that of the name."""
    if name not in attributes.column_names:
        known = ", ".join(sorted(attributes.column_names)) or "none"
        problem = f"there is no attribute {name!r}; known are {known}"
        if position is None:
            raise FilterUnknownField(field, problem, found=name, known=known)
        problem = f"at character {position}: {problem}"
        raise FilterUnknownField(field, problem, found=name, known=known, position=position)
    return plain(attributes[name])


def plain(column: Any) -> Any:
    """Return the values of a dictionary, numbers that Arrow computes with, and null for NaN."""
    kind = column.type
    if pat.is_dictionary(kind):
        return plain(column.cast(kind.value_type))
    if pat.is_float16(kind):
        return plain(column.cast(pa.float32()))
    if pat.is_decimal(kind):
        return column.cast(pa.float64())
    if pat.is_floating(kind) and pc.any(pc.is_nan(column)).as_py():
        return pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    return column


def is_list(kind: pa.DataType) -> bool:
    """Say whether a row has any number of values."""
    return bool(pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind))


def is_text(kind: pa.DataType) -> bool:
    """Say whether a value is text."""
    return bool(pat.is_string(kind) or pat.is_large_string(kind))


def is_time(kind: pa.DataType) -> bool:
    """Say whether a value is a moment or a day."""
    return bool(pat.is_timestamp(kind) or pat.is_date(kind))


def milliseconds_of(column: Any) -> Any:
    """Return a column of timestamps or dates as milliseconds since 1970, those they lie in."""
    if pat.is_timestamp(column.type) and column.type.unit in ("us", "ns"):
        utc = column.cast(pa.timestamp(column.type.unit))
        column = pc.floor_temporal(utc, unit="millisecond")  # casting would round towards 1970
    return column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
