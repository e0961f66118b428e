"""Frozen dataclasses to JSON objects and back, checked against their type hints.

An unknown or missing key and a value of the wrong type are errors: stored text is read years later
by another version, and must not be half understood.
"""

import types
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import StrEnum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from shortlist.core.errors import DataInvalid

Plain = TypeVar("Plain")


def to_plain(value: object) -> dict[str, Any]:
    """Return a dataclass as a JSON object; tuples become lists."""
    assert is_dataclass(value)
    assert not isinstance(value, type)
    return {name: _listed(part) for name, part in asdict(value).items()}


def from_plain(kind: type[Plain], data: object, **decoded: object) -> Plain:
    """Return the dataclass that `to_plain` gave. Raises DataInvalid where the data is no such.

    decoded: fields whose values are already there, because their hints do not tell their type.
    """
    if not isinstance(data, dict):
        raise DataInvalid(f"{kind.__name__} is {type(data).__name__}, not an object")
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(data) - set(known)):
        raise DataInvalid(f"{kind.__name__} has unknown keys: {', '.join(unknown)}")
    given: dict[str, Any] = dict(decoded)
    for name, field in known.items():
        if name in decoded:
            continue
        if name in data:
            given[name] = _decoded(hints[name], data[name], f"{kind.__name__}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DataInvalid(f"{kind.__name__} has no {name}")
    return kind(**given)


def _listed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _listed(part) for key, part in value.items()}
    return [_listed(part) for part in value] if isinstance(value, tuple | list) else value


def _decoded(hint: Any, value: object, place: str) -> Any:
    origin = get_origin(hint)
    arguments = get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (rest,) = (kind for kind in arguments if kind is not type(None))
        return _decoded(rest, value, place)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        for member in hint:
            if member == value:
                return member
    if is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value)
    if origin is tuple and isinstance(value, list):
        return tuple(_decoded(arguments[0], part, place) for part in value)
    if origin is dict and isinstance(value, dict):
        return {key: _decoded(arguments[1], part, place) for key, part in value.items()}
    if origin is Literal and value in arguments:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise DataInvalid(f"{place} is {value!r}, which is not {hint}")
