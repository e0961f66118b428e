"""Where interactions, items and users lie: from the wire to the domain and back."""

from pathlib import PurePosixPath
from typing import TypeVar

from shortlist.server.errors import FieldInvalid
from shortlist.server.reading import (
    AttributeSource,
    EventColumns,
    EventSource,
    ItemSource,
    TextOptions,
    UserSource,
)
from shortlist.server.reading.sources import all_numbers
from shortlist.server.rpc.fields import check_length, check_text, shown
from shortlist.v1 import model_service_pb2 as pb2

Source = TypeVar("Source", bound=AttributeSource)

URI_BYTES_MAX = 4096
COLUMN_BYTES_MAX = 512
SEPARATOR_BYTES_MAX = 8
ATTRIBUTE_COLUMNS_MAX = 100
FORMATS = ("", "parquet", "csv", "tsv", "arrow", "adjacency")
ENCODINGS = ("", "utf-8", "latin-1")
COLUMNAR = ("parquet", "arrow", "adjacency")
COLUMNAR_ENDINGS = (".parquet", ".pq", ".arrow", ".feather", ".ipc")


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
    uri, format, text = _file_from_proto(message.source, f"{path}.source")
    _check_header(message.source, f"{path}.source", columns.positional)
    return EventSource(uri, format, columns, text)


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
    uri, format, text = _file_from_proto(message.source, f"{path}.source")
    source = kind(uri, format, id_column, tuple(names), text)
    _check_header(message.source, f"{path}.source", _is_positional(source))
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


def _file_from_proto(message: pb2.DataSource, path: str) -> tuple[str, str, TextOptions]:
    if not message.uri:
        raise FieldInvalid(f"{path}.uri", "is required")
    uri = check_text(f"{path}.uri", message.uri, URI_BYTES_MAX)
    _check_one_of(f"{path}.format", message.format, FORMATS)
    _check_one_of(f"{path}.encoding", message.encoding, ENCODINGS)
    separator = check_text(f"{path}.separator", message.separator, SEPARATOR_BYTES_MAX)
    return uri, message.format, TextOptions(separator, message.encoding or "utf-8")


def _file_to_proto(source: EventSource | AttributeSource, positional: bool) -> pb2.DataSource:
    return pb2.DataSource(
        uri=source.uri,
        format=source.format,
        separator=source.text.separator,
        headerless=positional and not _is_columnar(source.uri, source.format),
        encoding="" if source.text.encoding == "utf-8" else source.text.encoding,
    )


def _check_header(message: pb2.DataSource, path: str, positional: bool) -> None:
    """Columns go by number in text without a header line, and only there."""
    if message.headerless and not positional:
        problem = 'is set, so the columns have to be given by number: "0", "1", ...'
        raise FieldInvalid(f"{path}.headerless", problem)
    if positional and not message.headerless and not _is_columnar(message.uri, message.format):
        problem = "has to be set, because the columns are given by number"
        raise FieldInvalid(f"{path}.headerless", problem)


def _is_positional(source: AttributeSource) -> bool:
    return all_numbers([name for name in (source.id_column, *source.attributes) if name])


def _is_columnar(uri: str, format: str) -> bool:
    if format:
        return format in COLUMNAR
    return PurePosixPath(uri.lower()).suffix in COLUMNAR_ENDINGS


def _column(path: str, name: str) -> str:
    return check_text(path, name, COLUMN_BYTES_MAX)


def _check_one_of(path: str, text: str, allowed: tuple[str, ...]) -> None:
    if text not in allowed:
        known = ", ".join(name for name in allowed if name)
        raise FieldInvalid(path, f"{shown(text)} is none of {known}", found=text)
