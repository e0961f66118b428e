"""Fields of a request that this server's contract does not have: found at any depth, and refused.

Protobuf keeps them unread. A filter that a newer client sends would silently not hold, and the
answer would be wrong.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from shortlist.server.errors import FieldUnknown

Descriptor: TypeAlias = Any  # protobuf has a class an implementation; they share their attributes
ROOT_PATH = "request"


def refuse_unknown_fields(request: Message, encoded: bytes) -> None:
    """Check a message decoded from `encoded`; a good one is walked in C, twice, never here.

    Raises FieldUnknown with the path of the first message that holds some, and their numbers.
    """
    size = request.ByteSize()
    request.DiscardUnknownFields()
    if request.ByteSize() != size:
        raise _first_unknown(type(request).FromString(encoded))


def _first_unknown(request: Message) -> FieldUnknown:
    path, message = next(
        (path, message) for path, message in _messages(request, "") if len(UnknownFieldSet(message))
    )
    unknown = UnknownFieldSet(message)
    numbers = sorted({unknown[place].field_number for place in range(len(unknown))})
    return FieldUnknown(path or ROOT_PATH, message.DESCRIPTOR.full_name, numbers)


def _messages(message: Message, path: str) -> Iterator[tuple[str, Message]]:
    """Yield a message and all below it, with their paths."""
    yield path, message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        here = f"{path}.{field.name}" if path else field.name
        for place, part in _parts(field, value):
            yield from _messages(part, here + place)


def _parts(field: Descriptor, value: Any) -> Iterator[tuple[str, Message]]:
    """Yield the messages that a field holds, with their places in it."""
    if field.message_type.GetOptions().map_entry:
        if field.message_type.fields_by_name["value"].message_type is not None:
            yield from ((f"[{key!r}]", value[key]) for key in sorted(value))
    elif field.is_repeated:
        yield from ((f"[{i}]", part) for i, part in enumerate(value))
    else:
        yield "", value
