"""The values of one attribute as codes, for whoever counts items by value."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shortlist.core.diversity import RowValues
from shortlist.server.errors import FieldInvalid
from shortlist.server.filters.compile import column_of
from shortlist.server.retrieval.serving_model import ServingModel


def attribute_values(model: ServingModel, name: str, path: str) -> RowValues:
    """Return each item's values of an attribute: one, those of a list, or none for null.

    `path` is the field that names the attribute. Raises FilterUnknownField, and FieldInvalid where
    its values cannot be told apart (structures, maps).
    """
    return model.attribute_values.get(name, lambda: _coded(model, name, path))


def _coded(model: ServingModel, name: str, path: str) -> RowValues:
    table = pa.table({}) if model.attributes is None else model.attributes
    column = column_of(table, name, path).combine_chunks()
    item_count = len(column)
    counts = pa.array(np.ones(item_count, np.int64))
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        counts = pc.fill_null(pc.list_value_length(column), 0)
        column = column.flatten()
    if pa.types.is_dictionary(column.type):  # whose dictionary may hold a value twice
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        problem = f"{name!r} holds {column.type}, not values that can be counted"
        raise FieldInvalid(path, problem, found=name)
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
