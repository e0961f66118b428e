"""Arrow's views of text and bytes, which Polars writes, as the types that every kernel takes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pat


def without_views(table: pa.Table) -> pa.Table:
    """Return the table with its views, also those inside lists and structures, copied."""
    plain = pa.schema([field.with_type(_plain(field.type)) for field in table.schema])
    return table if plain.equals(table.schema) else table.cast(plain)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pat.is_string_view(kind):
        return pa.string()
    if pat.is_binary_view(kind):
        return pa.binary()
    if pat.is_large_list(kind):
        return pa.large_list(_plain(kind.value_type))
    if pat.is_fixed_size_list(kind):
        return pa.list_(_plain(kind.value_type), kind.list_size)
    if pat.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pat.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    return kind
