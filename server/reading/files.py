"""The files of a source, each with its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import PurePosixPath

from pyarrow import fs

from shortlist.core.errors import SettingInvalid
from shortlist.server.domain.sources import TextOptions
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading.adjacency import ADJACENCY
from shortlist.server.reading.columnar import ARROW, PARQUET
from shortlist.server.reading.formats import DataFile, Format
from shortlist.server.reading.text_files import CSV, TSV

BY_NAME = {format.name: format for format in (PARQUET, CSV, TSV, ARROW, ADJACENCY)}
BY_ENDING = {ending: format for format in BY_NAME.values() for ending in format.endings}
COMPRESSED_ENDINGS = (".gz", ".bz2", ".zst", ".lz4")


def known_format(path: str, name: str) -> Format | None:
    """Return the format of that name; empty: of the path's ending, None where that tells none."""
    if name:
        return BY_NAME[name]
    ending = path.lower()
    for compressed in COMPRESSED_ENDINGS:
        ending = ending.removesuffix(compressed)
    return BY_ENDING.get(PurePosixPath(ending).suffix)


def find_files(uri: str, format: str) -> list[DataFile]:
    """Return the file, or every file below the folder in the order of their paths.

    Names that begin with "." or "_" are left out. Raises DataSourceInvalid where there is nothing,
    or where a format is neither given nor told by the ending.
    """
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


def check_text(text: TextOptions, files: Sequence[DataFile]) -> None:
    """Raise SettingInvalid for text options that are given for files that are no text."""
    if all(file.format.text for file in files):
        return
    for option in fields(text):
        found = getattr(text, option.name)
        if found != option.default:
            raise SettingInvalid(option.name, found, "an option of csv and tsv files only")


def _opened(uri: str) -> tuple[fs.FileSystem, str]:
    # A path that is no URI stays as it is: blanks and percent signs in it mean themselves.
    return fs.FileSystem.from_uri(uri) if "://" in uri else (fs.LocalFileSystem(), uri)


def _is_data(path: str, folder: str) -> bool:
    parts = PurePosixPath(path).relative_to(PurePosixPath(folder)).parts
    return not any(part.startswith((".", "_")) for part in parts)


def _format_of(path: str, name: str) -> Format:
    format = known_format(path, name)
    if format is None:
        reason = f"ending is none of {', '.join(BY_ENDING)}: give the format"
        raise DataSourceInvalid(reason, file=path)
    return format
