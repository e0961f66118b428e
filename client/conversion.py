"""Between plain dataclasses and protobuf messages, by name: one seam for the whole contract.

A dataclass mirrors a message: equal field names; nested dataclasses for messages, tuples for
repeated fields, None for unset optionals, datetimes for timestamps, lower-case text for enums
(JOB_STATE_QUEUED is "queued", the unspecified value is ""). A test holds the mirrors complete.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC
from functools import cache
from typing import Any, TypeAlias, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

# protobuf has a descriptor class an implementation; they share only their attributes.
FieldDescriptor: TypeAlias = Any
EnumDescriptor: TypeAlias = Any

D = TypeVar("D")
M = TypeVar("M", bound=Message)


def to_proto(value: Any, message: M) -> M:
    """Fill a message from a dataclass and return it. Raises ValueError for an unknown enum text."""
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        if found is None or found == ():
            continue
        descriptor: FieldDescriptor = message.DESCRIPTOR.fields_by_name[field.name]
        if descriptor.message_type is not None and not _is_repeated(descriptor):
            to_proto(found, getattr(message, field.name))
            getattr(message, field.name).SetInParent()
        elif _is_repeated(descriptor):
            if isinstance(found, str):  # else its letters would be sent
                raise ValueError(f"{field.name} is a list of texts, not the text {found!r}")
            getattr(message, field.name).extend(found)
        elif descriptor.enum_type is not None:
            setattr(message, field.name, enum_to_proto(descriptor.enum_type, found))
        else:
            setattr(message, field.name, found)
    return message


def from_proto(message: Message, kind: type[D]) -> D:
    """Return the dataclass of a message."""
    fields: Any = message.DESCRIPTOR.fields_by_name
    hints = _hints(kind).items()  # type: ignore[arg-type] # a class is hashable
    return kind(**{name: _value_from_proto(message, fields[name], hint) for name, hint in hints})


def enum_to_proto(enum: EnumDescriptor, text: str) -> int:
    """Return the number of an enum's lower-case text."""
    names = {_enum_text(enum, number): number for number in enum.values_by_number}
    if text not in names:
        known = ", ".join(repr(name) for name in names if name)
        raise ValueError(f"{text!r} is no {enum.name}; known are {known}")
    return int(names[text])


def enum_from_proto(enum: EnumDescriptor, number: int) -> str:
    """Return the lower-case text of an enum's number; a number newer than this client as digits."""
    return _enum_text(enum, number) if number in enum.values_by_number else str(number)


def _value_from_proto(message: Message, descriptor: FieldDescriptor, hint: Any) -> Any:
    value = getattr(message, descriptor.name)
    if isinstance(value, Mapping):
        return dict(value)
    if _is_repeated(descriptor):
        return tuple(_item_from_proto(item, typing.get_args(hint)[0]) for item in value)
    if descriptor.has_presence and not message.HasField(descriptor.name):
        return None
    if descriptor.enum_type is not None:
        return enum_from_proto(descriptor.enum_type, value)
    return _item_from_proto(value, _without_none(hint))


def _item_from_proto(value: Any, hint: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToDatetime(UTC)
    return from_proto(value, hint) if isinstance(value, Message) else value


def _enum_text(enum: EnumDescriptor, number: int) -> str:
    """Return the value's name without the enum's own name before it; "" for the unspecified one."""
    name = enum.values_by_number[number].name
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return name.removeprefix(prefix).lower() if number else ""


def _is_repeated(descriptor: FieldDescriptor) -> bool:
    return bool(descriptor.is_repeated)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(one for one in typing.get_args(hint) if one is not type(None))
    return hint
