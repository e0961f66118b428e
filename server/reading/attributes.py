"""Items, or users, with their attributes from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shortlist.core.data.interactions import IntArray
from shortlist.core.data.vocabulary import IDS_MAX, Vocabulary
from shortlist.server.domain.sources import AttributeSource, all_numbers
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading.batches import Place, column_names, placed_batches
from shortlist.server.reading.files import check_text, find_files
from shortlist.server.reading.formats import DataFile
from shortlist.server.reading.ids import NO_CODE, IdCollector
from shortlist.server.reading.view_types import without_views


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """Items or users, and what is known of them."""

    ids: Vocabulary
    attributes: pa.Table  # a row an item, in the order of the vocabulary; the id is not among them
    dropped: int  # rows whose id was null or empty

    def align(self, vocabulary: Vocabulary) -> pa.Table:
        """Return the attributes of another vocabulary's rows, null for those not in this table."""
        found = self.ids.find_utf8(vocabulary.utf8, vocabulary.offsets)
        places = np.zeros(len(vocabulary), np.int32)
        places[found.positions] = found.rows
        unknown = np.zeros(len(vocabulary), np.bool_)
        unknown[found.missing] = True
        if not self.attributes.num_columns:
            return self.attributes
        return self.attributes.take(pa.array(places, mask=unknown))


def read_attributes(source: AttributeSource, *, rows_max: int = IDS_MAX) -> AttributeTable:
    """Read a table; types of attributes are the files' own, or guessed from text.

    Raises DataSourceInvalid (file, column, row) for what is missing or cannot be used, an id
    twice, files whose columns do not fit together, and when no row is left.
    """
    files = find_files(source.uri, source.format)
    check_text(source.text, files)
    gathered = _Gathered(source.noun)
    for file in files:
        id_column, attributes = _resolved(source, file)
        types = {id_column: pa.string()}
        for place, batch in placed_batches(file, source.text, [id_column, *attributes], types):
            gathered.add(batch, id_column, attributes, place)
            if gathered.rows_read > rows_max:
                raise DataSourceInvalid(f"more than {rows_max} rows", file=source.uri)
    return gathered.finish(source.uri)


class _Gathered:
    """The ids and attributes of the batches so far."""

    def __init__(self, noun: str) -> None:
        self.rows_read = 0
        self._noun = noun
        self._ids = IdCollector()
        self._codes: list[IntArray] = []
        self._attributes: list[pa.Table] = []
        self._seen = np.zeros(0, np.bool_)  # of each code, whether it had a row

    def add(
        self, batch: pa.RecordBatch, id_column: str, attributes: Sequence[str], place: Place
    ) -> None:
        codes = self._ids.codes(batch[id_column], id_column, place)
        kept = codes != NO_CODE
        repeated = self._first_repeated(codes, kept)
        if repeated is not None:
            name = batch[id_column][repeated].as_py()
            raise place.invalid(f"{self._noun} {name!r} occurs twice", id_column, repeated)
        self.rows_read += batch.num_rows
        self._codes.append(codes[kept])
        rows = without_views(pa.Table.from_batches([batch.select(list(attributes))]))
        self._attributes.append(rows.filter(pa.array(kept)) if attributes else rows)

    def finish(self, uri: str) -> AttributeTable:
        codes = np.concatenate(self._codes) if self._codes else np.empty(0, np.int32)
        if not len(codes):
            raise DataSourceInvalid(f"no usable row among {self.rows_read}", file=uri)
        ids, rows = self._ids.finish(codes)
        order = np.empty(len(rows), np.int64)
        order[rows] = np.arange(len(rows))
        try:
            attributes = pa.concat_tables(self._attributes, promote_options="permissive")
        except pa.ArrowException as failure:
            reason = f"the files' columns do not fit together: {failure}"
            raise DataSourceInvalid(reason, file=uri) from failure
        if attributes.num_columns:
            attributes = attributes.take(pa.array(order)).combine_chunks()
        return AttributeTable(ids, attributes, self.rows_read - len(codes))

    def _first_repeated(self, codes: IntArray, kept: npt.NDArray[np.bool_]) -> int | None:
        """Return the first row whose id had a row before, and mark the others as seen."""
        places = np.flatnonzero(kept)
        found = codes[places]
        if len(found) and found.max() >= len(self._seen):
            grown = np.zeros(2 * int(found.max()) + 1, np.bool_)
            grown[: len(self._seen)] = self._seen
            self._seen = grown
        first_rows = np.unique(found, return_index=True)[1]
        repeated = self._seen[found]
        repeated[np.setdiff1d(np.arange(len(found)), first_rows)] = True
        self._seen[found] = True
        return int(places[np.argmax(repeated)]) if repeated.any() else None


def _resolved(source: AttributeSource, file: DataFile) -> tuple[str, list[str]]:
    """Return the id column and the attribute columns by their names in this file."""
    if not file.format.attributes:
        raise DataSourceInvalid(
            f"adjacency lists hold no {source.noun}s with attributes", file=file.path
        )
    given = [name for name in (source.id_column, *source.attributes) if name]
    names = column_names(file, source.text, all_numbers(given))
    listed = f"the columns are {', '.join(names)} (without a header line, give their numbers)"
    for name in given:
        if name not in names:
            raise DataSourceInvalid(listed, file=file.path, column=name)
    id_column = source.id_column_of(names)
    if not id_column:
        raise DataSourceInvalid(f"no id column given or recognised; {listed}", file=file.path)
    attributes = list(source.attributes) or [name for name in names if name != id_column]
    if id_column in attributes or len(set(attributes)) < len(attributes):
        raise DataSourceInvalid(f"a column is named twice: {given}", file=file.path)
    return id_column, attributes
