"""A model's features with their weights as a table: enough to place an item that comes later."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pyarrow as pa

from shortlist.core.interactions import FloatArray
from shortlist.core.sparse import multiply
from shortlist.server.features.features import Feature, encode_features


def features_table(features: tuple[Feature, ...], weights: FloatArray) -> pa.Table:
    """Return a row a feature: what it is, and its row of weights (features, dim)."""
    names = [field.name for field in fields(Feature)]
    columns = {name: [getattr(one, name) for one in features] for name in names}
    flat = pa.array(weights.reshape(-1))
    vectors = pa.FixedSizeListArray.from_arrays(flat, weights.shape[1])
    return pa.table({**columns, "weights": vectors})


def place_items(stored: pa.Table, attributes: pa.Table) -> FloatArray:
    """Return the vectors (rows, dim) that a model's features give to rows of attributes."""
    described = stored.drop_columns(["weights"]).to_pylist()
    features = [Feature(**one) for one in described]
    column = stored["weights"].combine_chunks()
    weights = column.flatten().to_numpy().reshape(len(features), -1)
    return multiply(encode_features(features, attributes), np.ascontiguousarray(weights), threads=1)
