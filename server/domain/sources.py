"""What to read: a file or a folder of files, its format, and which columns mean what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from shortlist.core.errors import SettingInvalid

FORMATS = ("parquet", "csv", "tsv", "arrow", "adjacency")
ENCODINGS = ("utf-8", "latin-1")
SEPARATOR_BYTES_MAX = 8
NO_COLUMN = "-"  # says "there is none, do not look for it"

USER_NAMES = ("user_id", "userid", "user", "uid", "visitor_id", "visitorid")
ITEM_NAMES = (
    *("item_id", "itemid", "item", "iid", "movieid", "movie_id", "movie", "product_id"),
    *("productid", "article_id", "articleid", "article", "artistid", "artist_id", "track_id"),
)
VALUE_NAMES = ("value", "rating", "count", "weight", "plays", "playcount", "score")
TIME_NAMES = ("time", "timestamp", "ts", "timestamp_ms", "event_time", "created_at", "datetime")


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How text files are written; formats that are no text refuse anything but these defaults."""

    separator: str = ""  # empty: a comma for csv, a tab for tsv; 1 to 8 bytes, such as "::"
    encoding: str = "utf-8"  # one of ENCODINGS
    quoted: bool = True  # fields may stand in double quotes; never with a separator of 2+ bytes

    def __post_init__(self) -> None:
        long = len(self.separator.encode()) > SEPARATOR_BYTES_MAX
        if long or self.separator in ('"', "\n", "\r"):
            allowed = f'1 to {SEPARATOR_BYTES_MAX} bytes, no " and no line end'
            raise SettingInvalid("separator", self.separator, allowed)
        if self.encoding not in ENCODINGS:
            raise SettingInvalid("encoding", self.encoding, f"one of {', '.join(ENCODINGS)}")


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Names of the columns; empty: the first of the usual names (above), in any case.

    Text without a header line: numbers of the columns, "0" being the first; all that are given.
    value and time may be absent, and "-" says to leave them out; a segment is only what is named.
    """

    user: str = ""
    item: str = ""
    value: str = ""
    time: str = ""
    segment: str = ""  # of the user, such as a country; empty: none

    @property
    def positional(self) -> bool:
        names = self.user, self.item, self.value, self.time, self.segment
        given = [name for name in names if name]
        return all_numbers([name for name in given if name != NO_COLUMN])


@dataclass(frozen=True, slots=True)
class EventSource:
    """Interactions: a local path or a pyarrow file system URI, of a file or a folder."""

    uri: str
    format: str = ""  # one of FORMATS; empty: by the file's ending
    columns: EventColumns = field(default_factory=EventColumns)
    text: TextOptions = field(default_factory=TextOptions)

    def __post_init__(self) -> None:
        _check_format(self.format)


@dataclass(frozen=True, slots=True)
class AttributeSource:
    """Ids with attributes: where, and which columns."""

    noun: ClassVar[str]
    usual_names: ClassVar[tuple[str, ...]]

    uri: str
    format: str = ""  # like EventSource.format, but for adjacency
    id_column: str = ""  # empty: the first of the usual names, or of "id"
    attributes: tuple[str, ...] = ()  # empty: every other column
    text: TextOptions = field(default_factory=TextOptions)

    def __post_init__(self) -> None:
        _check_format(self.format)

    def id_column_of(self, present: Sequence[str]) -> str | None:
        """Return which of the columns holds the ids, None where none is given or recognised."""
        return self.id_column or first_of((*self.usual_names, "id"), present)


@dataclass(frozen=True, slots=True)
class ItemSource(AttributeSource):
    """Items with attributes."""

    noun: ClassVar[str] = "item"
    usual_names: ClassVar[tuple[str, ...]] = ITEM_NAMES


@dataclass(frozen=True, slots=True)
class UserSource(AttributeSource):
    """Users with attributes."""

    noun: ClassVar[str] = "user"
    usual_names: ClassVar[tuple[str, ...]] = USER_NAMES


def all_numbers(names: Sequence[str]) -> bool:
    """Return whether columns are meant by number: the file has no header line."""
    return bool(names) and all(name.isascii() and name.isdigit() for name in names)


def first_of(usual: tuple[str, ...], present: Sequence[str]) -> str | None:
    """Return the present column that comes first among the usual names, whatever its case."""
    by_lower = {name.lower(): name for name in reversed(present)}
    return next((by_lower[name] for name in usual if name in by_lower), None)


def _check_format(format: str) -> None:
    if format and format not in FORMATS:
        raise SettingInvalid("format", format, f"one of {', '.join(FORMATS)}, or empty")
