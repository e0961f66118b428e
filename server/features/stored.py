"""A schema as a table: what it looks like on the disk."""

from __future__ import annotations

from dataclasses import fields

import pyarrow as pa

from shortlist.server.features.features import Feature
from shortlist.server.features.schema import FeatureSchema


def schema_to_table(schema: FeatureSchema) -> pa.Table:
    """Return a row a feature."""
    names = [field.name for field in fields(Feature)]
    return pa.table(
        {name: [getattr(feature, name) for feature in schema.features] for name in names}
    )


def schema_of_table(stored: pa.Table) -> FeatureSchema:
    """Return what schema_to_table was given; a column that no feature has is left alone."""
    names = [field.name for field in fields(Feature)]
    return FeatureSchema(tuple(Feature(**row) for row in stored.select(names).to_pylist()))
