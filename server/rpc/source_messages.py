"""Where interactions, items and users lie: from the wire to the domain and back."""

from typing import TypeVar

from shortlist.server.domain.sources import (
    AttributeSource,
    EventColumns,
    EventSource,
    ItemSource,
    TextOptions,
    UserSource,
    all_numbers,
)
from shortlist.server.errors import FieldInvalid
from shortlist.server.reading.files import known_format
from shortlist.server.rpc.fields import check_length, check_text, settings_at
from shortlist.v1 import model_service_pb2 as pb2

Source = TypeVar("Source", bound=AttributeSource)

URI_BYTES_MAX = 4096
COLUMN_BYTES_MAX = 512
ATTRIBUTE_COLUMNS_MAX = 100


def events_from_proto(message: pb2.InteractionSource, path: str) -> EventSource:
    """Return where interactions lie and which columns they have."""
    if not message.HasField("source"):
        raise FieldInvalid(f"{path}.source", "is required")
    columns = EventColumns(
        user=_column(f"{path}.user_column", message.user_column),
        item=_column(f"{path}.item_column", message.item_column),
        value=_column(f"{path}.value_column", message.value_column),
        time=_column(f"{path}.time_column", message.time_column),
        segment=_column(f"{path}.segment_column", message.segment_column),
    )
    file = message.source
    with settings_at(f"{path}.source"):
        uri, text = _uri(file, f"{path}.source"), _text_from_proto(file)
        source = EventSource(uri, file.format, columns, text)
    _check_header(file, f"{path}.source", source, columns.positional)
    return source


def test_events_from_proto(message: pb2.InteractionSource, path: str) -> EventSource:
    """Return where test data lies; a model's users have the segments it was trained with."""
    if message.segment_column:
        raise FieldInvalid(f"{path}.segment_column", "is not used of test data; leave it empty")
    return events_from_proto(message, path)


def events_to_proto(source: EventSource) -> pb2.InteractionSource:
    """Return the message that names exactly this source."""
    columns = source.columns
    return pb2.InteractionSource(
        source=_file_to_proto(source, columns.positional),
        user_column=columns.user,
        item_column=columns.item,
        value_column=columns.value,
        time_column=columns.time,
        segment_column=columns.segment,
    )


def items_from_proto(message: pb2.ItemSource, path: str) -> ItemSource:
    """Return where items lie and which columns they have."""
    return _attributes_from_proto(ItemSource, message, path)


def users_from_proto(message: pb2.UserSource, path: str) -> UserSource:
    """Return where users lie and which columns they have."""
    return _attributes_from_proto(UserSource, message, path)


def _attributes_from_proto(
    kind: type[Source], message: pb2.ItemSource | pb2.UserSource, path: str
) -> Source:
    if not message.HasField("source"):
        raise FieldInvalid(f"{path}.source", "is required")
    if message.source.format == "adjacency":
        raise FieldInvalid(f"{path}.source.format", f"adjacency lists hold no {kind.noun}s")
    names = message.attribute_columns
    check_length(f"{path}.attribute_columns", len(names), 0, ATTRIBUTE_COLUMNS_MAX)
    for i, name in enumerate(names):
        if not name:
            raise FieldInvalid(f"{path}.attribute_columns[{i}]", "is empty")
        check_text(f"{path}.attribute_columns[{i}]", name, COLUMN_BYTES_MAX)
    id_column = _column(f"{path}.id_column", message.id_column)
    file = message.source
    with settings_at(f"{path}.source"):
        uri, text = _uri(file, f"{path}.source"), _text_from_proto(file)
        source = kind(uri, file.format, id_column, tuple(names), text)
    _check_header(file, f"{path}.source", source, _is_positional(source))
    return source


def items_to_proto(source: ItemSource) -> pb2.ItemSource:
    """Return the message that names exactly this source."""
    return pb2.ItemSource(
        source=_file_to_proto(source, _is_positional(source)),
        id_column=source.id_column,
        attribute_columns=source.attributes,
    )


def users_to_proto(source: UserSource) -> pb2.UserSource:
    """Return the message that names exactly this source."""
    return pb2.UserSource(
        source=_file_to_proto(source, _is_positional(source)),
        id_column=source.id_column,
        attribute_columns=source.attributes,
    )


def _uri(message: pb2.DataSource, path: str) -> str:
    if not message.uri:
        raise FieldInvalid(f"{path}.uri", "is required")
    return check_text(f"{path}.uri", message.uri, URI_BYTES_MAX)


def _text_from_proto(message: pb2.DataSource) -> TextOptions:
    return TextOptions(message.separator, message.encoding or TextOptions().encoding)


def _file_to_proto(source: EventSource | AttributeSource, positional: bool) -> pb2.DataSource:
    text = source.text
    return pb2.DataSource(
        uri=source.uri,
        format=source.format,
        separator=text.separator,
        headerless=positional and not _is_columnar(source),
        encoding="" if text.encoding == TextOptions().encoding else text.encoding,
    )


def _check_header(
    message: pb2.DataSource, path: str, source: EventSource | AttributeSource, positional: bool
) -> None:
    """Columns go by number in text without a header line, and only there."""
    if message.headerless and not positional:
        problem = 'is set, so the columns have to be given by number: "0", "1", ...'
        raise FieldInvalid(f"{path}.headerless", problem)
    if positional and not message.headerless and not _is_columnar(source):
        problem = "has to be set, because the columns are given by number"
        raise FieldInvalid(f"{path}.headerless", problem)


def _is_positional(source: AttributeSource) -> bool:
    return all_numbers([name for name in (source.id_column, *source.attributes) if name])


def _is_columnar(source: EventSource | AttributeSource) -> bool:
    """Return whether the files are known to be no text."""
    format = known_format(source.uri, source.format)
    return format is not None and not format.text


def _column(path: str, name: str) -> str:
    return check_text(path, name, COLUMN_BYTES_MAX)
