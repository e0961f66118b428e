"""A model's features with their weights: enough to place an item or a user that comes later."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.linear.sparse import multiply
from shortlist.server.features.features import Feature, encode_features


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """The linear map from features to vectors, and what each feature is."""

    described: tuple[Feature, ...]
    weights: FloatArray  # (features, dim)

    @property
    def of_nobody(self) -> FloatArray:
        """The vector (1, dim) of rows of which nothing is known: the constant is the first."""
        return self.weights[:1]

    def place(self, values: Interactions, threads: int = 1) -> FloatArray:
        """Return the vectors (rows, dim) of rows x features."""
        return multiply(values, self.weights, threads=threads)

    def place_rows(self, attributes: pa.Table) -> FloatArray:
        """Return the vectors (rows, dim) of a table of attributes."""
        return self.place(encode_features(self.described, attributes))


def map_to_table(features: FeatureMap) -> pa.Table:
    """Return a row a feature: what it is, and its row of weights."""
    names = [field.name for field in fields(Feature)]
    columns = {name: [getattr(feature, name) for feature in features.described] for name in names}
    flat = pa.array(features.weights.reshape(-1))
    vectors = pa.FixedSizeListArray.from_arrays(flat, features.weights.shape[1])
    return pa.table({**columns, "weights": vectors})


def map_of_table(stored: pa.Table) -> FeatureMap:
    """Return what map_to_table was given."""
    described = tuple(Feature(**one) for one in stored.drop_columns(["weights"]).to_pylist())
    flat = stored["weights"].combine_chunks().flatten().to_numpy()
    return FeatureMap(described, np.ascontiguousarray(flat.reshape(len(described), -1)))
