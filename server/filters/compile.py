"""A parsed filter over the attribute table: which rows it allows.

A comparison is false where the attribute is null or NaN, `!=` included; NOT turns truth around, so
`NOT city = "Rome"` allows items without a city and `city != "Rome"` does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from shortlist.server.errors import FilterSyntax
from shortlist.server.filters.columns import (
    column_of,
    is_list,
    is_text,
    is_time,
    milliseconds_of,
    plain,
)
from shortlist.server.filters.tree import And, Comparison, Literal, Node, Not

Mask: TypeAlias = npt.NDArray[np.bool_]

_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)

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
        column = column_of(attributes, node.attribute, field, node.position)
        return _compared(node, column, field)
    if isinstance(node, Not):
        return ~evaluate_filter(node.part, attributes, field)
    whole = evaluate_filter(node.parts[0], attributes, field)
    for part in node.parts[1:]:
        mask = evaluate_filter(part, attributes, field)
        whole = whole & mask if isinstance(node, And) else whole | mask
    return whole


def _compared(node: Comparison, column: pa.ChunkedArray, field: str) -> Mask:
    if node.operator == "*":
        return _mask(pc.is_valid(column))
    listed = _listed(node, column.type) if len(node.values) > 1 else None
    if listed is not None:
        return _mask(pc.is_in(column, value_set=listed))
    whole = _one(node, column, node.values[0], field)
    for literal in node.values[1:]:
        whole = whole | _one(node, column, literal, field)
    return whole


def _listed(node: Comparison, kind: pa.DataType) -> pa.Array | None:
    """Return values that one look-up a row can compare, None where each has rules of its own."""
    if is_text(kind):
        return pa.array([literal.text for literal in node.values], kind)
    if not pat.is_integer(kind):
        return None
    bounds = np.iinfo(kind.to_pandas_dtype())
    whole = [value for literal in node.values if type(value := literal.value) is int]
    fit = [value for value in whole if bounds.min <= value <= bounds.max]
    return pa.array(fit, kind) if len(whole) == len(node.values) else None


def _one(node: Comparison, column: pa.ChunkedArray, literal: Literal, field: str) -> Mask:
    if is_list(column.type):
        if node.operator != ":":
            raise _misfit(node, f"is a list: ask {node.attribute}:value", field)
        return _has_element(node, column, literal, field)
    if node.operator != ":":
        return _ordered(node, node.operator, column, literal, field)
    if is_text(column.type):
        return _mask(pc.match_substring(column, literal.text, ignore_case=True))
    return _ordered(node, "=", column, literal, field)


def _has_element(node: Comparison, column: pa.ChunkedArray, literal: Literal, field: str) -> Mask:
    found = np.zeros(len(column), np.bool_)
    first = 0
    for chunk in column.chunks:
        parents = pc.list_parent_indices(chunk).to_numpy()
        fits = _ordered(node, "=", plain(pc.list_flatten(chunk)), literal, field)
        found[first + parents[fits]] = True
        first += len(chunk)
    return found


def _ordered(node: Comparison, comparator: str, column: Any, literal: Literal, field: str) -> Mask:
    kind = column.type
    value = literal.value
    if pat.is_null(kind):  # the column of an empty file column: no item has a value
        return np.zeros(len(column), np.bool_)
    if is_text(kind):  # as it was written: a postcode begins with 0
        return _mask(_ORDERED[comparator](column, pa.scalar(literal.text, kind)))
    if is_time(kind):
        moment = _milliseconds(node, literal, field)
        return _whole_numbers(comparator, milliseconds_of(column), moment)
    if pat.is_boolean(kind):
        if comparator not in ("=", "!="):
            raise _misfit(node, "is true or false: only = and != compare it", field)
        if not isinstance(value, bool):
            raise _misfit(node, f"is true or false, not {value!r}", field, literal)
        return _mask(_ORDERED[comparator](column, value))
    if not (pat.is_integer(kind) or pat.is_floating(kind)):
        raise _misfit(node, f"is {kind}, which no filter compares", field)
    if isinstance(value, str | bool):
        raise _misfit(node, f"is a number, not {value!r}", field, literal)
    if pat.is_integer(kind):
        return _whole_numbers(comparator, column, value)
    # In the column's own precision: 0.1 of a float32 column is no double's 0.1.
    return _mask(_ORDERED[comparator](column, pa.scalar(float(literal.text), kind)))


def _whole_numbers(comparator: str, column: Any, value: float) -> Mask:
    """Compare integers with any number, also with one that is none of their type, exactly."""
    bounds = np.iinfo(column.type.to_pandas_dtype())
    beyond = bounds.max + 1 if value > 0 else bounds.min - 1
    floor = math.floor(value) if math.isfinite(value) else beyond
    if floor != value:  # x < 2.5 is x <= 2, and x >= 2.5 is x > 2
        comparator = {"<": "<=", ">=": ">"}.get(comparator, comparator)
    if bounds.min <= floor <= bounds.max and (floor == value or comparator in ("<=", ">")):
        return _mask(_ORDERED[comparator](column, pa.scalar(floor, column.type)))
    true_of = {"=": False, "!=": True}
    above = floor > bounds.max
    holds = true_of.get(comparator, above if comparator in ("<", "<=") else not above)
    return _mask(pc.is_valid(column)) if holds else np.zeros(len(column), np.bool_)


def _milliseconds(node: Comparison, literal: Literal, field: str) -> int:
    try:
        when = datetime.fromisoformat(literal.text)
    except ValueError:
        problem = f"is a time, and {literal.text!r} is none: write 2026-01-31T09:30:00Z"
        raise _misfit(node, problem, field, literal) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return (when - _EPOCH) // _MILLISECOND  # without the fractions that the column lost


def _misfit(
    node: Comparison, problem: str, field: str, literal: Literal | None = None
) -> FilterSyntax:
    position = node.position if literal is None else literal.position
    text = f"at character {position}: {node.attribute} {problem}"
    return FilterSyntax(field, text, position=position)


def _mask(found: Any) -> Mask:
    filled = pc.fill_null(found, False)
    if isinstance(filled, pa.ChunkedArray):
        filled = filled.combine_chunks()
    mask: Mask = filled.to_numpy(zero_copy_only=False)
    return mask
