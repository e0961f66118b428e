"""A parsed filter over the attribute table: which rows it allows.

A comparison is false where the attribute is null, `!=` included; NOT turns truth around, so
`NOT city = "Rome"` allows items without a city and `city != "Rome"` does not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from shortlist.server.errors import FilterSyntax, FilterUnknownField
from shortlist.server.filters.tree import And, Comparison, Literal, Node, Not

Mask: TypeAlias = npt.NDArray[np.bool_]

_ORDERED: dict[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def evaluate_filter(node: Node, attributes: pa.Table, field: str = "filter") -> Mask:
    """Return which rows of the table the filter allows, (rows,).

    Raises FilterUnknownField for an attribute that is not a column, and FilterSyntax for a value
    or an operator that does not fit the attribute's type.
    """
    if isinstance(node, Comparison):
        return _compared(node, column_of(attributes, node.attribute, field), field)
    if isinstance(node, Not):
        return ~evaluate_filter(node.part, attributes, field)
    whole = evaluate_filter(node.parts[0], attributes, field)
    for part in node.parts[1:]:
        mask = evaluate_filter(part, attributes, field)
        whole = whole & mask if isinstance(node, And) else whole | mask
    return whole


def column_of(attributes: pa.Table, name: str, field: str) -> pa.ChunkedArray:
    """Return a column, dictionaries decoded. Raises FilterUnknownField."""
    if name not in attributes.column_names:
        known = ", ".join(sorted(attributes.column_names)) or "none"
        problem = f"there is no attribute {name!r}; known are {known}"
        raise FilterUnknownField(field, problem, found=name, known=known)
    column = attributes[name]
    kind = column.type
    return column.cast(kind.value_type) if pat.is_dictionary(kind) else column


def _compared(node: Comparison, column: pa.ChunkedArray, field: str) -> Mask:
    if node.operator == "*":
        return _mask(pc.is_valid(column))
    whole = _one(node, column, node.values[0], field)
    for literal in node.values[1:]:
        whole = whole | _one(node, column, literal, field)
    return whole


def _one(node: Comparison, column: pa.ChunkedArray, literal: Literal, field: str) -> Mask:
    kind = column.type
    if pat.is_list(kind) or pat.is_large_list(kind) or pat.is_fixed_size_list(kind):
        if node.operator != ":":
            raise _misfit(node, f"is a list: ask {node.attribute}:value", field)
        return _has_element(node, column, literal, field)
    if node.operator == ":":
        if not _is_text(kind):
            return _ordered(node, "=", column, literal, field)
        pattern = str(literal.value)
        return _mask(pc.match_substring(column, pattern, ignore_case=True))
    return _ordered(node, node.operator, column, literal, field)


def _ordered(
    node: Comparison, comparator: str, column: pa.ChunkedArray, literal: Literal, field: str
) -> Mask:
    if pat.is_boolean(column.type) and comparator not in ("=", "!="):
        raise _misfit(node, "is true or false: only = and != compare it", field)
    value = _value_for(node, column.type, literal, field)
    if pat.is_integer(column.type) and isinstance(value, float):
        column = column.cast(pa.float64(), safe=False)  # year < 1999.5
    elif pat.is_timestamp(column.type) or pat.is_date(column.type):
        column = milliseconds_of(column)
    return _mask(_ORDERED[comparator](column, value))


def _has_element(node: Comparison, column: pa.ChunkedArray, literal: Literal, field: str) -> Mask:
    value = _value_for(node, column.type.value_type, literal, field)
    found = np.zeros(len(column), np.bool_)
    first = 0
    for chunk in column.chunks:
        parents = pc.list_parent_indices(chunk)
        elements = pc.list_flatten(chunk)
        if pat.is_timestamp(elements.type) or pat.is_date(elements.type):
            elements = milliseconds_of(elements)
        fits = pc.fill_null(pc.equal(elements, value), False)
        found[first + np.asarray(parents.filter(fits), np.int64)] = True
        first += len(chunk)
    return found


def _value_for(node: Comparison, kind: pa.DataType, literal: Literal, field: str) -> Any:
    """Return the literal as the attribute's type wants it. Raises FilterSyntax."""
    value = literal.value
    if _is_text(kind):
        return str(value) if not isinstance(value, bool) else str(value).lower()
    if pat.is_boolean(kind):
        if isinstance(value, bool):
            return value
        raise _misfit(node, f"is true or false, not {value!r}", field, literal)
    if pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        raise _misfit(node, f"is a number, not {value!r}", field, literal)
    if pat.is_timestamp(kind) or pat.is_date(kind):
        return _milliseconds(node, literal, field)
    raise _misfit(node, f"is {kind}, which no filter compares", field)


def milliseconds_of(column: Any) -> Any:
    """Return a column of timestamps or dates as milliseconds since 1970."""
    return column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())


def _milliseconds(node: Comparison, literal: Literal, field: str) -> int:
    try:
        when = datetime.fromisoformat(str(literal.value))
    except ValueError:
        problem = f"is a time, and {literal.value!r} is none: write 2026-01-31T09:30:00Z"
        raise _misfit(node, problem, field, literal) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return round(when.timestamp() * 1000)


def _misfit(
    node: Comparison, problem: str, field: str, literal: Literal | None = None
) -> FilterSyntax:
    position = node.position if literal is None else literal.position
    text = f"at character {position}: {node.attribute} {problem}"
    return FilterSyntax(field, text, position=position)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind))


def _mask(found: Any) -> Mask:
    filled = pc.fill_null(found, False)
    if isinstance(filled, pa.ChunkedArray):
        filled = filled.combine_chunks()
    mask: Mask = filled.to_numpy(zero_copy_only=False)
    return mask
