"""Columns of values and times as arrays, with what is not usable named."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from shortlist.core.data.interactions import FloatArray, LongArray
from shortlist.server.reading.batches import Place

# A bare number's unit is told by the largest magnitude in the whole source. In seconds 1e11 is
# the year 5138, in milliseconds 1973; the same holds a thousandfold each further on.
SECONDS_BELOW = 10**11
MILLISECONDS_BELOW = 10**14
MICROSECONDS_BELOW = 10**17


@dataclass(frozen=True, slots=True)
class Times:
    """Times of one batch."""

    times: LongArray  # (rows,) milliseconds, or bare numbers of a unit not yet known; 0 for null
    bare: bool  # whether they are bare numbers


def values_of(column: pa.Array, name: str, place: Place) -> FloatArray:
    """Return values as float32, 0 for null. Raises DataSourceInvalid at one that is not finite."""
    column = _decoded(column)
    if not (_is_number(column.type) or _is_string(column.type) or pat.is_boolean(column.type)):
        raise place.invalid(f"values are numbers, not {column.type}", name)
    numbers = _cast(column, pa.float64(), name, place).fill_null(0.0)
    exact = numbers.to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        values: FloatArray = exact.astype(np.float32)
    broken = np.flatnonzero(~np.isfinite(values))
    if len(broken):
        first = int(broken[0])
        raise place.invalid(f"value {exact[first]} is not a finite float32", name, first)
    return values


def times_of(column: pa.Array, name: str, place: Place) -> Times:
    """Return times of timestamps, dates, ISO 8601 strings (UTC where no zone) or bare numbers.

    Fractions of a bare number, and of a millisecond, are cut off.
    """
    column = _decoded(column)
    if _is_string(column.type):
        column = _parsed(column, name, place)
    if pat.is_timestamp(column.type) or pat.is_date(column.type):
        milliseconds = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        return Times(_filled(milliseconds), False)
    if pat.is_floating(column.type):
        broken = pc.index(pc.is_finite(column), False).as_py()
        if broken >= 0:
            raise place.invalid(f"time {column[broken].as_py()} is not finite", name, broken)
        column = pc.trunc(column)
    elif not (pat.is_integer(column.type) or pat.is_null(column.type)):
        reason = f"times are timestamps, dates, ISO 8601 strings or numbers, not {column.type}"
        raise place.invalid(reason, name)
    return Times(_filled(_cast(column, pa.int64(), name, place)), True)


def milliseconds(bare: LongArray) -> LongArray:
    """Scale bare numbers to milliseconds, in place where that can be."""
    largest = max(int(bare.max(initial=0)), -int(bare.min(initial=0)))
    if largest < SECONDS_BELOW:
        bare *= 1000
    elif largest >= MICROSECONDS_BELOW:
        bare //= 1_000_000
    elif largest >= MILLISECONDS_BELOW:
        bare //= 1000
    return bare


def present(column: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Return which rows are not null, None where all are."""
    column = _decoded(column)
    if _is_string(column.type):
        gaps = pc.equal(column, pa.scalar("", column.type))
        if column.null_count == 0 and not pc.any(gaps).as_py():
            return None
        return np.asarray(pc.invert(gaps).fill_null(False).to_numpy(zero_copy_only=False))
    if column.null_count == 0:
        return None
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False))


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pat.is_dictionary(column.type) else column


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind) or pat.is_null(kind)
    )


def _is_string(kind: pa.DataType) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or pat.is_string_view(kind))


def _parsed(column: pa.Array, name: str, place: Place) -> pa.Array:
    # Arrow wants strings with a zone for a type with one, and without for one without.
    filled = _without_gaps(column).drop_null()
    try:
        filled[:1].cast(pa.timestamp("ms"))
    except pa.ArrowInvalid:
        return _cast(column, pa.timestamp("ms", "UTC"), name, place)
    return _cast(column, pa.timestamp("ms"), name, place)


def _without_gaps(column: pa.Array) -> pa.Array:
    if not _is_string(column.type):
        return column
    gaps = pc.equal(column, pa.scalar("", column.type))
    return pc.if_else(gaps, pa.scalar(None, column.type), column)


def _cast(column: pa.Array, kind: pa.DataType, name: str, place: Place) -> pa.Array:
    """Cast, or name the first row that cannot be."""
    whole = _without_gaps(column)
    try:
        return whole.cast(kind)
    except pa.ArrowInvalid as failure:
        for index in range(len(whole)):
            try:
                whole[index : index + 1].cast(kind)
            except pa.ArrowInvalid:
                reason = f"{whole[index].as_py()!r} is not {kind}"
                raise place.invalid(reason, name, index) from failure
        raise


def _filled(column: pa.Array) -> LongArray:
    if column.null_count:
        column = column.fill_null(0)
    # A copy: scaling happens in place, and Arrow's memory is read-only.
    return np.array(column.to_numpy(zero_copy_only=False), np.int64)
