"""What a file format is: its name, its endings, and how a file of it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa
from pyarrow import fs

from shortlist.server.domain.sources import TextOptions

Types: TypeAlias = dict[str, pa.DataType]  # what columns are to be read as, by name


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file to read, on its file system."""

    filesystem: fs.FileSystem
    path: str
    format: Format


@dataclass(frozen=True, slots=True)
class Format:
    """One format; what it does raises pyarrow's errors and OSError.

    columns(file, text, positional): the names of the columns, "0", "1" ... where positional.
    batches(file, text, columns, types): the rows in order, those columns only. Text without a type
    is guessed from the first block.
    """

    name: str  # one of FORMATS
    endings: tuple[str, ...]
    columns: Callable[[DataFile, TextOptions, bool], list[str]]
    batches: Callable[[DataFile, TextOptions, Sequence[str], Types], Iterator[pa.RecordBatch]]
    row_count: Callable[[DataFile], int] | None = None  # None: a file does not say
    separator: str = ""  # of text, where none is given; empty: the files are no text
    attributes: bool = True  # may hold more than pairs of a user and an item

    @property
    def text(self) -> bool:
        """Whether it takes text options, and may come without a header line."""
        return bool(self.separator)
