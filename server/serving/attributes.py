"""What is known about the items of a serving model, in the forms that restrictions ask for.

Columns become arrays when they are first asked for; a filter's rows are kept as a bitmap. Both stay
in bounded caches, which threads share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pat

from shortlist.core.data.bitmaps import Bitmap, pack_bitmap
from shortlist.core.data.interactions import LongArray
from shortlist.core.scan.diversity import RowValues
from shortlist.server.errors import FieldInvalid, FilterUnknownField
from shortlist.server.filters.columns import column_of, is_time, milliseconds_of
from shortlist.server.filters.compile import evaluate_filter
from shortlist.server.filters.parse import parse_filter
from shortlist.server.filters.row_values import row_values
from shortlist.server.filters.times import NO_TIME
from shortlist.server.reading.numbers import milliseconds
from shortlist.server.serving.made_once import MadeOnce

FILTERS_MAX = 64  # kept as bitmaps: 125 KB each for a million items
VALUES_MAX = 8  # attributes kept as codes: 12 MB each for a million items of one value
COLUMNS_MAX = 8  # kept as arrays: 8 MB each for a million items
LATITUDES = ("latitude", "lat")
LONGITUDES = ("longitude", "lon", "lng")

Doubles = npt.NDArray[np.float64]


class ItemAttributes:
    """The attribute table of one model (a row an item); every method may run in any thread."""

    def __init__(self, table: pa.Table | None, item_count: int) -> None:
        """None: nothing is known but the ids; every attribute is then unknown."""
        # Without columns a table has no rows: nothing looks at them before it finds no column.
        self._table = pa.table({}) if table is None else table
        self._item_count = item_count
        self._filters: MadeOnce[Bitmap] = MadeOnce(FILTERS_MAX)
        self._values: MadeOnce[RowValues] = MadeOnce(VALUES_MAX)
        self._columns: MadeOnce[npt.NDArray[Any]] = MadeOnce(COLUMNS_MAX)

    def filtered(self, text: str) -> Bitmap:
        """Return the items that a filter allows. Raises FilterSyntax, FilterUnknownField."""
        return self._filters.get(
            text, lambda: pack_bitmap(evaluate_filter(parse_filter(text), self._table))
        )

    def values(self, name: str, field: str) -> RowValues:
        """Return each item's values of an attribute as codes: one, those of a list, or none.

        Raises FilterUnknownField, and FieldInvalid where values cannot be told apart.
        """
        return self._values.get(
            name, lambda: row_values(column_of(self._table, name, field), name, field)
        )

    def coordinates(self, latitude: str, longitude: str, field: str) -> tuple[Doubles, Doubles]:
        """Return latitudes and longitudes in degrees, (items,), NaN where one is not known.

        Longitudes are -180..180, those of 0..360 turned; a latitude beyond a pole is not known.
        """
        return (
            self._degrees(latitude, LATITUDES, f"{field}.latitude_attribute", _latitudes),
            self._degrees(longitude, LONGITUDES, f"{field}.longitude_attribute", _longitudes),
        )

    def times(self, name: str, field: str) -> LongArray:
        """Return an attribute as milliseconds since 1970, (items,), NO_TIME where not known.

        The empty name is the only attribute that is a time. Integers are s, ms, us or ns since
        1970, told apart by their size.
        """
        name = name or self._only_time(field)
        times: LongArray = self._columns.get(
            f"time {name}", lambda: _times(column_of(self._table, name, field), name, field)
        )
        return times

    def _degrees(
        self,
        name: str,
        usual: tuple[str, ...],
        field: str,
        normal: Callable[[Doubles], Doubles],
    ) -> Doubles:
        if not name:
            known = self._table.column_names
            name = next((usual_name for usual_name in usual if usual_name in known), usual[0])
        degrees: Doubles = self._columns.get(
            f"{usual[0]} {name}",
            lambda: normal(_numbers(column_of(self._table, name, field), name, field)),
        )
        return degrees

    def _only_time(self, field: str) -> str:
        kinds = zip(self._table.column_names, self._table.schema.types, strict=True)
        times = [name for name, kind in kinds if is_time(kind)]
        if len(times) == 1:
            return str(times[0])
        listed = ", ".join(times) or "none"
        problem = f"is required unless exactly one attribute is a time; here these are: {listed}"
        raise FilterUnknownField(field, problem, known=listed)


def _times(column: pa.ChunkedArray, name: str, field: str) -> LongArray:
    bare = pat.is_integer(column.type)
    if not (bare or is_time(column.type)):
        raise FieldInvalid(field, f"{name!r} is {column.type}, no time", found=name)
    known = ~np.asarray(column.is_null().to_numpy())
    numbers = column.cast(pa.int64(), safe=False) if bare else milliseconds_of(column)
    times = np.array(numbers.fill_null(0).to_numpy(), np.int64)
    times = milliseconds(times) if bare else times
    times[~known] = NO_TIME
    return times


def _numbers(column: pa.ChunkedArray, name: str, field: str) -> Doubles:
    if not (pat.is_floating(column.type) or pat.is_integer(column.type)):
        raise FieldInvalid(field, f"{name!r} is {column.type}, no number", found=name)
    return np.array(column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(), np.float64)


def _latitudes(degrees: Doubles) -> Doubles:
    degrees[np.abs(degrees) > 90] = np.nan
    return degrees


def _longitudes(degrees: Doubles) -> Doubles:
    degrees[~np.isfinite(degrees)] = np.nan
    turned = np.abs(degrees) > 180
    degrees[turned] = (degrees[turned] + 180) % 360 - 180
    return degrees
