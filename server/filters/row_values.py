"""The values of an attribute as codes, for whoever counts rows by value."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shortlist.core.scan.diversity import RowValues
from shortlist.server.errors import FieldInvalid
from shortlist.server.filters.columns import is_list


def row_values(attribute: pa.ChunkedArray, name: str, field: str) -> RowValues:
    """Return each row's values of an attribute: one, those of a list, or none for null.

    Raises FieldInvalid where values cannot be told apart (structures, maps).
    """
    column = attribute.combine_chunks()
    item_count = len(column)
    counts = pa.array(np.ones(item_count, np.int64))
    if is_list(column.type):
        counts = pc.fill_null(pc.list_value_length(column), 0)
        column = column.flatten()
    if pa.types.is_dictionary(column.type):  # whose dictionary may hold a value twice
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        problem = f"{name!r} holds {column.type}, not values that can be counted"
        raise FieldInvalid(field, problem, found=name)
    encoded = column.dictionary_encode()
    rows = np.repeat(np.arange(item_count), counts.to_numpy(zero_copy_only=False))
    present = encoded.indices.is_valid().to_numpy(zero_copy_only=False)
    codes = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    value_count = len(encoded.dictionary)
    # One number a pair, so that sorting them drops values that a list names twice.
    pairs = np.unique(rows[present] * max(1, value_count) + codes[present])
    starts = np.searchsorted(pairs, np.arange(item_count + 1) * max(1, value_count))
    return RowValues(
        starts.astype(np.int64), (pairs % max(1, value_count)).astype(np.int32), value_count
    )
