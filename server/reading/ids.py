"""Columns of outside ids, batch by batch, to codes of one vocabulary."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from shortlist.core.data.integer_codes import IntegerCodes
from shortlist.core.data.interactions import IntArray
from shortlist.core.data.vocabulary import ID_BYTES_MAX, ByteArray, Vocabulary, VocabularyBuilder
from shortlist.core.errors import DataInvalid
from shortlist.server.reading.batches import Place

ROWS_AT_ONCE = 1 << 18  # what stays in the cache
NO_CODE = -1  # inside this file and its caller only: the row has no id and is dropped


class IdCollector:
    """Gives every id a code. Strings are taken as they are, integers as their decimal text."""

    def __init__(self) -> None:
        self._builder = VocabularyBuilder()
        self._integers = IntegerCodes()
        self._integer_codes: IntArray = np.empty(0, np.int32)  # the code of each integer's text
        self._dictionary: pa.Array | None = None
        self._dictionary_codes: IntArray = np.empty(0, np.int32)

    def codes(self, column: pa.Array, name: str, place: Place) -> IntArray:
        """Return a code a row, NO_CODE where the id is null or empty.

        Raises DataSourceInvalid for types that are no ids (floating point is refused: 7.0 and 7
        would be two ids), ids over 512 bytes and bytes that are no UTF-8.
        """
        if pat.is_dictionary(column.type):
            codes = self._codes_of_dictionary(column, name, place)
        elif pat.is_integer(column.type) and not pat.is_uint64(column.type):
            codes = self._codes_of_integers(column, name, place)
        else:
            codes = self._entered(column, name, place)
        return codes

    def finish(self, codes: IntArray) -> tuple[Vocabulary, IntArray]:
        """Return the vocabulary of the codes in use; turn `codes` into rows in place."""
        vocabulary, rows = self._builder.finish()
        used = np.zeros(len(rows), np.bool_)
        used[codes] = True
        if not used.all():  # ids of dropped rows only, and dictionary entries of none
            kept = np.sort(rows[used])
            places = np.empty(len(rows), np.int32)
            places[kept] = np.arange(len(kept), dtype=np.int32)
            vocabulary, rows = vocabulary.select(kept), places[rows]
        for start in range(0, len(codes), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            codes[part] = rows[codes[part]]
        return vocabulary, codes

    def _codes_of_dictionary(self, column: pa.DictionaryArray, name: str, place: Place) -> IntArray:
        dictionary = column.dictionary
        # Batches of one row group share their dictionary: then there is nothing to enter.
        if self._dictionary is None or not dictionary.equals(self._dictionary):
            entries = self._entered(dictionary, name, place, column.indices)
            self._dictionary_codes = np.append(entries, np.int32(NO_CODE))
            self._dictionary = dictionary
        places = column.indices.cast(pa.int32()).fill_null(len(dictionary))
        codes: IntArray = self._dictionary_codes[places.to_numpy(zero_copy_only=False)]
        return codes

    def _codes_of_integers(self, column: pa.Array, name: str, place: Place) -> IntArray:
        known = len(self._integers)
        given = column.drop_null() if column.null_count else column
        places = self._integers.add(given.cast(pa.int64()).to_numpy())
        fresh = pa.array(self._integers.values(known))
        self._integer_codes = np.append(self._integer_codes, self._entered(fresh, name, place))
        if not column.null_count:
            return self._integer_codes[places]
        codes = np.full(len(column), NO_CODE, np.int32)
        codes[column.is_valid().to_numpy(zero_copy_only=False)] = self._integer_codes[places]
        return codes

    def _entered(
        self, ids: pa.Array, name: str, place: Place, indices: pa.Array | None = None
    ) -> IntArray:
        """Return the code of each id; indices: of the batch's rows, where ids is a dictionary."""

        def invalid(reason: str, entry: int) -> DataInvalid:
            row = entry if indices is None else pc.index(indices, entry).as_py()
            return place.invalid(reason, name, row)

        utf8, offsets = _id_bytes(ids, name, place)
        sizes = np.diff(offsets)
        if sizes.max(initial=0) > ID_BYTES_MAX:
            entry = int(np.argmax(sizes > ID_BYTES_MAX))
            raise invalid(f"id has {sizes[entry]} bytes, {ID_BYTES_MAX} at most", entry)
        filled = slice(None) if sizes.min(initial=1) > 0 else np.flatnonzero(sizes > 0)
        # An empty id takes no bytes, so leaving its offset out is all there is to do.
        starts = np.append(offsets[:-1][filled], offsets[-1])
        try:
            filled_codes = self._builder.add(utf8, starts)
        except DataInvalid as failure:
            entry = _first_broken(utf8, offsets)
            raise invalid("id is not valid UTF-8", entry) from failure
        if len(filled_codes) == len(ids):
            return filled_codes
        codes = np.full(len(ids), NO_CODE, np.int32)
        codes[filled] = filled_codes
        return codes


def _id_bytes(ids: pa.Array, name: str, place: Place) -> tuple[ByteArray, npt.NDArray[np.int64]]:
    """Return ids as one run of bytes and where each starts; a null becomes empty."""
    if pat.is_integer(ids.type):
        ids = ids.cast(pa.string())
    elif not (_is_text(ids.type) or pat.is_null(ids.type)):
        reason = f"ids are strings or integers, not {ids.type}; cast the column"
        raise place.invalid(reason, name)
    texts = ids.cast(pa.large_binary())
    if texts.null_count:
        texts = texts.fill_null(b"")
    if not len(texts):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    _, starts, data = texts.buffers()
    offsets = np.frombuffer(starts, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    utf8 = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
    return utf8, offsets


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pat.is_string(kind)
        or pat.is_large_string(kind)
        or pat.is_string_view(kind)
        or pat.is_binary(kind)
        or pat.is_large_binary(kind)
    )


def _first_broken(utf8: ByteArray, offsets: npt.NDArray[np.int64]) -> int:
    for entry in range(len(offsets) - 1):
        try:
            utf8[offsets[entry] : offsets[entry + 1]].tobytes().decode()
        except UnicodeDecodeError:
            return entry
    raise AssertionError("the builder refused ids that are valid")
