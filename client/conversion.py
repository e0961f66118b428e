"""Between plain dataclasses and protobuf messages, by name: one seam for the whole contract.

A dataclass mirrors a message: equal field names; nested dataclasses for messages, tuples for repeated
fields, None for unset optional ones, datetimes for timestamps, and lower-case text for enums
(JOB_STATE_QUEUED is "queued", the unspecified value is ""). A test holds the mirrors complete.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import UTC
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

D = TypeVar("D")
M = TypeVar("M", bound=Message)


def to_proto(value: Any, message: M) -> M:
    """Fill a message from a dataclass and return it. Raises ValueError for an unknown enum text."""
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        if found is None or found == ():
            continue
        descriptor = message.DESCRIPTOR.fields_by_name[field.name]
        if descriptor.message_type is not None and not _is_repeated(descriptor):
            to_proto(found, getattr(message, field.name))
            getattr(message, field.name).SetInParent()
        elif _is_repeated(descriptor):
            getattr(message, field.name).extend(found)
        elif descriptor.enum_type is not None:
            setattr(message, field.name, enum_to_proto(descriptor.enum_type, found))
        else:
            setattr(message, field.name, found)
    return message


def from_proto(message: Message, kind: type[D]) -> D:
    """Return the dataclass of a message."""
    values = {}
    for name, hint in _hints(kind).items():
        descriptor = message.DESCRIPTOR.fields_by_name[name]
        values[name] = _value_from_proto(message, descriptor, hint)
    return kind(**values)


def enum_to_proto(enum: EnumDescriptor, text: str) -> int:
    """Return the number of an enum's lower-case text."""
    names = {_enum_text(enum, number): number for number in enum.values_by_number}
    if text not in names:
        known = ", ".join(repr(name) for name in names if name)
        raise ValueError(f"{text!r} is no {enum.name}; known are {known}")
    return names[text]


def enum_from_proto(enum: EnumDescriptor, number: int) -> str:
    """Return the lower-case text of an enum's number; a number newer than this client as digits."""
    return _enum_text(enum, number) if number in enum.values_by_number else str(number)


def _value_from_proto(message: Message, descriptor: FieldDescriptor, hint: Any) -> Any:
    value = getattr(message, descriptor.name)
    if isinstance(value, Mapping):
        return dict(value)
    if _is_repeated(descriptor):
        inner = typing.get_args(hint)[0]
        return tuple(_item_from_proto(item, inner) for item in _iterable(value))
    if descriptor.message_type is not None:
        if not message.HasField(descriptor.name):
            return None
        return _item_from_proto(value, _without_none(hint))
    if descriptor.enum_type is not None:
        return enum_from_proto(descriptor.enum_type, value)
    if descriptor.has_presence and not message.HasField(descriptor.name):
        return None
    return value


def _item_from_proto(value: Any, hint: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToDatetime(UTC)
    return from_proto(value, hint) if dataclasses.is_dataclass(hint) else value


def _enum_text(enum: EnumDescriptor, number: int) -> str:
    """Return the value's name without the enum's own name before it; "" for the unspecified one."""
    name = enum.values_by_number[number].name
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return name.removeprefix(prefix).lower() if number else ""


def _is_repeated(descriptor: FieldDescriptor) -> bool:
    return bool(descriptor.is_repeated)


def _iterable(value: Any) -> Iterable[Any]:
    return typing.cast("Iterable[Any]", value)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(one for one in typing.get_args(hint) if one is not type(None))
    return hint
