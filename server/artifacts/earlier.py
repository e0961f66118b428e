"""Models of format version 1: a schema and its weights in one file, the encoder in the spec.

item_features.arrow, user_features.arrow  a row a feature with its weights; one constant feature of
             users where nothing is known but the mean user
items.arrow  also history_embedding, of a distilled model
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from shortlist.core.data.interactions import FloatArray
from shortlist.server.artifacts import arrow_files
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.encoding import EncoderState
from shortlist.server.encoders.earlier import encoder_of_algorithm
from shortlist.server.features.schema import FeatureSchema
from shortlist.server.features.stored import schema_of_table

ITEM_FEATURES, USER_FEATURES = "item_features.arrow", "user_features.arrow"


def encoder_and_schemas(
    folder: Path, manifest: Manifest, items: pa.Table
) -> tuple[EncoderState, FeatureSchema | None, FeatureSchema | None]:
    """Return the encoder, and the schemas of items and of users; raises as a damaged file does."""
    item_schema, item_weights = _schema_and_weights(folder / ITEM_FEATURES, manifest)
    user_schema, user_weights = _schema_and_weights(folder / USER_FEATURES, manifest)
    history_vectors = None
    if "history_embedding" in items.column_names:
        column = arrow_files.one_chunk(items, "history_embedding")
        history_vectors = arrow_files.vectors_of(column)
    encoder = encoder_of_algorithm(
        manifest.algorithm,
        manifest.spec,
        user_weights=user_weights,
        item_weights=item_weights,
        history_vectors=history_vectors,
    )
    return encoder, item_schema, user_schema


def _schema_and_weights(
    path: Path, manifest: Manifest
) -> tuple[FeatureSchema | None, FloatArray | None]:
    if path.name not in manifest.files:
        return None, None
    table = arrow_files.map_table(path)
    schema = schema_of_table(table)
    flat = table["weights"].combine_chunks().flatten().to_numpy()
    weights = np.ascontiguousarray(flat.reshape(len(schema), -1))
    return (schema if len(schema) > 1 else None), weights
