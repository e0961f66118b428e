"""An algorithm's message and its params, by name: equal field names, one seam for all of them.

A field with presence is the params' default when unset, any other when zero or empty. An enum's
value is its name in lower case without the enum's own name before it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from google.protobuf.message import Message

from shortlist.server.domain.algorithms import ALGORITHMS, DEFAULT, Params, algorithm_of
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.fields import check_finite, settings_at
from shortlist.v1 import model_service_pb2 as pb2

# protobuf has a descriptor class an implementation; they share only their attributes.
Descriptor: TypeAlias = Any


def params_from_proto(request: pb2.TrainRequest) -> Params:
    """Return the params of the algorithm that is set; ranges are checked by the params."""
    name = request.WhichOneof("algorithm") or DEFAULT.name
    message: Message = getattr(request, name)
    found = {field.name: _value(message, field, name) for field in message.DESCRIPTOR.fields}
    given = {field: value for field, value in found.items() if value is not None}
    with settings_at(name):
        params: Params = ALGORITHMS[name].params_type(**given)
    return params


def params_to_proto(params: Params, request: pb2.TrainRequest) -> None:
    """Set the algorithm of a request."""
    message: Message = getattr(request, algorithm_of(params).name)
    message.SetInParent()
    for field in message.DESCRIPTOR.fields:
        value = getattr(params, field.name)
        if field.is_repeated:
            getattr(message, field.name).extend(value)
        elif value is not None:
            number = field.enum_type and _numbers(field.enum_type).get(value, 0)
            setattr(message, field.name, value if number is None else number)


def _value(message: Message, field: Descriptor, path: str) -> Any:
    """Return a field's value, None for the default."""
    value = getattr(message, field.name)
    if field.is_repeated:
        return tuple(value) or None
    if not (message.HasField(field.name) if field.has_presence else value):
        return None
    if field.enum_type is not None:
        texts = {number: text for text, number in _numbers(field.enum_type).items()}
        if value not in texts:
            problem = f"{value} is not one of {', '.join(map(str, texts))}"
            raise FieldInvalid(f"{path}.{field.name}", problem, found=value)
        return texts[value]
    return check_finite(f"{path}.{field.name}", value) if isinstance(value, float) else value


def _numbers(enum: Descriptor) -> dict[str, int]:
    """Return the number of each of an enum's texts."""
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return {one.name.removeprefix(prefix).lower(): one.number for one in enum.values}
