"""Filters, row by row, in plain Python: what the tree means."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shortlist.server.filters.tree import And, Comparison, Node, Not, Or

EARTH_RADIUS_M = 6_371_008.8

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ":": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def allows(node: Node, row: dict[str, Any]) -> bool:
    """Say whether an item with these attributes passes."""
    if isinstance(node, And):
        return all(allows(part, row) for part in node.parts)
    if isinstance(node, Or):
        return any(allows(part, row) for part in node.parts)
    if isinstance(node, Not):
        return not allows(node.part, row)
    return _compares(node, row[node.attribute])


def _compares(node: Comparison, found: Any) -> bool:
    if found is None:
        return False
    if node.operator == "*":
        return True
    return any(_fits(node.operator, found, literal.value) for literal in node.values)


def _fits(sign: str, found: Any, value: Any) -> bool:
    if isinstance(found, list):
        return value in found
    if sign == ":" and isinstance(found, str):
        return str(value).lower() in found.lower()
    if isinstance(found, datetime):
        value = datetime.fromisoformat(value)
        value = value if value.tzinfo else value.replace(tzinfo=UTC)
    return bool(_OPERATORS[sign](found, value))


def destination(start: tuple[float, float], bearing: float, metres: float) -> tuple[float, float]:
    """Return where one comes from a point, in degrees, along the great circle."""
    phi, theta = math.radians(start[0]), math.radians(bearing)
    way = metres / EARTH_RADIUS_M
    north = math.sin(phi) * math.cos(way) + math.cos(phi) * math.sin(way) * math.cos(theta)
    latitude = math.asin(max(-1.0, min(1.0, north)))
    aside = math.atan2(
        math.sin(theta) * math.sin(way) * math.cos(phi),
        math.cos(way) - math.sin(phi) * math.sin(latitude),
    )
    longitude = (start[1] + math.degrees(aside) + 180) % 360 - 180
    return math.degrees(latitude), longitude


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the great-circle distance by the chord between two points on the sphere."""
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.dist(_point(*a), _point(*b)) / 2))


def _point(latitude: float, longitude: float) -> tuple[float, float, float]:
    phi, theta = math.radians(latitude), math.radians(longitude)
    return math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)
