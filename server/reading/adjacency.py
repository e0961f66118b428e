"""Adjacency lists: a line a user, "user item item ...", blanks or tabs between."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shortlist.server.domain.sources import TextOptions
from shortlist.server.reading.formats import DataFile, Format, Types

BLOCK_BYTES = 1 << 22
COLUMNS = ["user", "item"]


def _batches(
    file: DataFile, text: TextOptions, columns: Sequence[str], types: Types
) -> Iterator[pa.RecordBatch]:
    """Yield a row for each item of each line."""
    with file.filesystem.open_input_stream(file.path, compression="detect") as stream:
        held = b""
        while block := stream.read(BLOCK_BYTES):
            *lines, held = (held + block).split(b"\n")
            yield _pairs(lines)
        yield _pairs([held])


def _pairs(lines: list[bytes]) -> pa.RecordBatch:
    """Turn lines into pairs; a line of a user alone has none."""
    text = pc.ascii_trim_whitespace(pa.array(lines, pa.binary()).cast(pa.string()))
    words = pc.ascii_split_whitespace(text)
    counts = pc.list_value_length(words).to_numpy().astype(np.int64)
    starts = np.cumsum(counts) - counts
    flat = words.flatten()
    is_item = np.ones(len(flat), np.bool_)
    is_item[starts] = False
    users = np.repeat(np.arange(len(counts), dtype=np.int32), counts - 1)
    return pa.record_batch(
        [
            pa.DictionaryArray.from_arrays(pa.array(users), flat.take(pa.array(starts))),
            flat.filter(pa.array(is_item)),
        ],
        names=COLUMNS,
    )


ADJACENCY = Format(
    "adjacency", (), lambda file, text, positional: COLUMNS, _batches, attributes=False
)
