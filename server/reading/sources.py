"""What to read: a file or a folder of files, its format, and which columns mean what."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import ClassVar

from pyarrow import fs

from shortlist.core.errors import SettingInvalid
from shortlist.server.errors import DataSourceInvalid

FORMAT_OF_ENDING = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
FORMATS = ("parquet", "csv", "tsv", "arrow", "feather", "adjacency")
COMPRESSED_ENDINGS = (".gz", ".bz2", ".zst", ".lz4")
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
    encoding: str = "utf-8"  # any that Python knows and that extends ASCII, such as latin-1
    quoted: bool = True  # fields may stand in double quotes; never with a separator of 2+ bytes


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


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file to read, on its file system."""

    filesystem: fs.FileSystem
    path: str
    format: str  # parquet, csv, tsv, arrow or adjacency


def all_numbers(names: Sequence[str]) -> bool:
    """Return whether columns are meant by number: the file has no header line."""
    return bool(names) and all(name.isascii() and name.isdigit() for name in names)


def first_of(usual: tuple[str, ...], present: Sequence[str]) -> str | None:
    """Return the present column that comes first among the usual names, whatever its case."""
    by_lower = {name.lower(): name for name in reversed(present)}
    return next((by_lower[name] for name in usual if name in by_lower), None)


def find_files(uri: str, format: str) -> list[DataFile]:
    """Return the file, or every file below the folder in the order of their paths.

    Names that begin with "." or "_" are left out. Raises DataSourceInvalid where there is nothing,
    or where a format is neither given nor told by the ending.
    """
    if format and format not in FORMATS:
        raise SettingInvalid("format", format, f"one of {', '.join(FORMATS)}, or empty")
    try:
        filesystem, path = _opened(uri)
        info = filesystem.get_file_info(path)
        paths = [path]
        if info.type == fs.FileType.Directory:
            below = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
            paths = sorted(i.path for i in below if i.is_file and _is_data(i.path, path))
    except (OSError, ValueError) as failure:  # pyarrow's own errors are of these two
        raise DataSourceInvalid(f"cannot be opened: {failure}", file=uri) from failure
    if info.type == fs.FileType.NotFound:
        raise DataSourceInvalid("does not exist", file=uri)
    if not paths:
        raise DataSourceInvalid("the folder holds no data files", file=uri)
    return [DataFile(filesystem, p, _format_of(p, format)) for p in paths]


def check_text(text: TextOptions, formats: Sequence[str]) -> None:
    """Raise SettingInvalid for text options out of range, or given for files that are no text."""
    if len(text.separator.encode()) > SEPARATOR_BYTES_MAX or text.separator in ('"', "\n", "\r"):
        raise SettingInvalid(
            "separator", text.separator, f'1 to {SEPARATOR_BYTES_MAX} bytes, no " and no line end'
        )
    try:
        codecs.lookup(text.encoding)
    except LookupError as failure:
        raise SettingInvalid("encoding", text.encoding, "an encoding Python knows") from failure
    if text != TextOptions() and not set(formats) <= {"csv", "tsv"}:
        raise SettingInvalid("text", text, "options of csv and tsv files only")


def _opened(uri: str) -> tuple[fs.FileSystem, str]:
    # A path that is no URI stays as it is: blanks and percent signs in it mean themselves.
    return fs.FileSystem.from_uri(uri) if "://" in uri else (fs.LocalFileSystem(), uri)


def _is_data(path: str, folder: str) -> bool:
    parts = PurePosixPath(path).relative_to(PurePosixPath(folder)).parts
    return not any(part.startswith((".", "_")) for part in parts)


def _format_of(path: str, format: str) -> str:
    if format:
        return "arrow" if format == "feather" else format
    name = path.lower()
    for ending in COMPRESSED_ENDINGS:
        name = name.removesuffix(ending)
    found = FORMAT_OF_ENDING.get(PurePosixPath(name).suffix)
    if found is None:
        known = ", ".join(FORMAT_OF_ENDING)
        raise DataSourceInvalid(f"ending is none of {known}: give the format", file=path)
    return found
