"""Separated text: streaming, with or without a header line, any separator and encoding."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from shortlist.server.domain.sources import TextOptions, all_numbers
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading.formats import DataFile, Format, Types

BLOCK_BYTES = 1 << 21  # about 80,000 short lines
UNIT_SEPARATOR = b"\x1f"  # what a separator of several bytes is rewritten to
# "nan" is not among them: it is a value that is not finite, an error rather than a gap.
NULL_WORDS = ["", "NA", "N/A", "#N/A", "null", "NULL", "None", r"\N"]
_NUMBER_PREFIX = "f"  # pyarrow calls columns without a header f0, f1 ...


def _columns(file: DataFile, text: TextOptions, positional: bool) -> list[str]:
    """Return the names in the header line, or "0", "1" ... where there is none."""
    with _reader(file, text, positional, pa_csv.ConvertOptions()) as reader:
        names: list[str] = reader.schema.names
    return [name.removeprefix(_NUMBER_PREFIX) for name in names] if positional else names


def _batches(
    file: DataFile, text: TextOptions, columns: Sequence[str], types: Types
) -> Iterator[pa.RecordBatch]:
    """Yield batches of some columns; raises DataSourceInvalid at text that does not fit."""
    options = _conversion(columns, types)
    try:
        with _reader(file, text, all_numbers(columns), options) as reader:
            for batch in reader:
                yield batch.rename_columns(list(columns))
    except pa.ArrowInvalid as failure:
        raise (_misfit(file, text, columns, types) or failure) from failure


def _reader(
    file: DataFile, text: TextOptions, positional: bool, conversion: pa_csv.ConvertOptions
) -> pa_csv.CSVStreamingReader:
    separator = text.separator or file.format.separator
    long = len(separator.encode()) > 1
    stream = file.filesystem.open_input_stream(file.path, compression="detect")
    return pa_csv.open_csv(
        pa.PythonFile(_Reseparated(stream, separator.encode()), mode="r") if long else stream,
        read_options=pa_csv.ReadOptions(
            block_size=BLOCK_BYTES,
            autogenerate_column_names=positional,
            encoding=text.encoding,
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=UNIT_SEPARATOR.decode() if long else separator,
            quote_char='"' if text.quoted and not long else False,
        ),
        convert_options=conversion,
    )


def _conversion(columns: Sequence[str], types: Types) -> pa_csv.ConvertOptions:
    prefix = _NUMBER_PREFIX if all_numbers(columns) else ""
    return pa_csv.ConvertOptions(
        column_types={prefix + name: kind for name, kind in types.items()},
        null_values=NULL_WORDS,
        strings_can_be_null=False,
        include_columns=[prefix + name for name in columns],
    )


class _Reseparated(io.RawIOBase):
    """Bytes of another stream, in which the long separator stands as a single byte."""

    def __init__(self, stream: BinaryIO, separator: bytes) -> None:
        self._stream = stream
        self._separator = separator
        self._held = b""  # the end of the last read, which may begin a separator

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, none only at the end."""
        wanted = BLOCK_BYTES if size < 0 else size
        while True:
            block = self._stream.read(max(1, wanted - len(self._held)))
            whole = (self._held + block).replace(self._separator, UNIT_SEPARATOR)
            kept = min(len(self._separator) - 1, len(whole)) if block else 0
            whole, self._held = whole[: len(whole) - kept], whole[len(whole) - kept :]
            if whole or not block:
                return whole


def _misfit(
    file: DataFile, text: TextOptions, columns: Sequence[str], types: Types
) -> DataSourceInvalid | None:
    """Read again, all as strings, to name the first value that does not fit; None: all do."""
    positional = all_numbers(columns)
    try:
        with _reader(file, text, positional, _conversion(columns, types)) as reader:
            kinds = reader.schema.types
    except pa.ArrowInvalid:  # the first block does not fit, so nothing was guessed from it
        kinds = [types.get(name, pa.string()) for name in columns]
    strings = _conversion(columns, dict.fromkeys(columns, pa.string()))
    first_row = 1
    with _reader(file, text, positional, strings) as reader:
        for batch in reader:
            for name, kind, array in zip(columns, kinds, batch.columns, strict=True):
                index = _first_misfit(array, kind)
                if index is not None:
                    reason = f"{array[index].as_py()!r} is not {kind}"
                    row = first_row + index
                    return DataSourceInvalid(reason, file=file.path, column=name, row=row)
            first_row += batch.num_rows
    return None


def _first_misfit(array: pa.Array, kind: pa.DataType) -> int | None:
    """Return where the first string is that cannot be cast, found by halving."""
    gaps = pc.is_in(array, pa.array(NULL_WORDS))
    try:
        pc.if_else(gaps, pa.scalar(None, array.type), array).cast(kind)
    except pa.ArrowInvalid:
        half = len(array) // 2
        if half == 0:
            return 0
        first = _first_misfit(array[:half], kind)
        return half + (_first_misfit(array[half:], kind) or 0) if first is None else first
    return None


CSV = Format("csv", (".csv",), _columns, _batches, separator=",")
TSV = Format("tsv", (".tsv", ".tab"), _columns, _batches, separator="\t")
