"""A parsed filter: conditions joined by and, or, not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = str | float | int | bool


@dataclass(frozen=True, slots=True)
class Literal:
    """One value."""

    value: Value
    text: str  # as it was written, quotes taken off
    position: int  # of its first character in the filter, from 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """An attribute beside values; true where one of them fits."""

    attribute: str
    operator: str  # = != < <= > >= : (has), or * (is present, no value)
    values: tuple[Literal, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """Where the part is not true."""

    part: Node


@dataclass(frozen=True, slots=True)
class And:
    """Where all parts are true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Where some part is true."""

    parts: tuple[Node, ...]


Node: TypeAlias = Comparison | Not | And | Or
