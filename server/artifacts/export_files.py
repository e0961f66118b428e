"""An export on the disk: what it is, and its rows as the model's own numbers beside the Parquet.

catalogs/CATALOG/exports/EXPORT/_export.json     an ExportSpec
                                part-00000.parquet, ...  for others to read
                                _rows-00000.arrow, ...   the same rows for serving, to be mapped
Who reads the folder as one table skips names with an underscore in front. A part's rows are there
before the part is.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, LongArray
from shortlist.core.errors import DataInvalid
from shortlist.server.artifacts import arrow_files
from shortlist.server.domain.exporting import ExportSpec
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.storage.durable import sync_file
from shortlist.server.storage.layout import EXPORT_SPEC_NAME, export_part_path, export_rows_path
from shortlist.server.storage.plain import from_plain


@dataclass(frozen=True, slots=True)
class StoredExport:
    """A whole export, its rows mapped."""

    spec: ExportSpec
    firsts: LongArray  # (parts,) the first row of each
    parts: tuple[Interactions, ...]  # rows x item rows, best first, with scores

    def row(self, row: int) -> tuple[IntArray, FloatArray]:
        """Return what a user or item row was given: item rows, best first, and their scores."""
        place = int(np.searchsorted(self.firsts, row, side="right")) - 1
        return self.parts[place].row(row - int(self.firsts[place]))


def write_rows(folder: Path, place: int, rows: Interactions) -> None:
    """Write the rows of a part in one step; on the disk when this returns."""
    path = export_rows_path(folder, place)
    beside = path.with_name(f".{path.name}")
    arrow_files.write_table(beside, pa.table({"rows": arrow_files.seen_column(rows)}))
    sync_file(beside)
    os.replace(beside, path)
    sync_file(folder)


def read_spec(folder: Path) -> ExportSpec | None:
    """Return what the export in `folder` is; None: there is none that this version understands."""
    try:
        return from_plain(ExportSpec, json.loads((folder / EXPORT_SPEC_NAME).read_bytes()))
    except (OSError, ValueError, DataInvalid):
        return None


def open_rows(
    folder: Path, spec: ExportSpec, row_count: int, item_count: int
) -> StoredExport | None:
    """Map the rows of an export; None where some of the row_count rows are not there (yet).

    Raises ArtifactCorrupt where a file is damaged.
    """
    parts: list[Interactions] = []
    while export_part_path(folder, len(parts)).exists():
        path = export_rows_path(folder, len(parts))
        if not path.exists():
            break
        parts.append(_part(path, item_count))
    counts = [0, *(part.row_count for part in parts)]
    firsts = np.cumsum(counts)
    if firsts[-1] != row_count:
        return None
    return StoredExport(spec, firsts[:-1], tuple(parts))


def _part(path: Path, item_count: int) -> Interactions:
    try:
        column = arrow_files.one_chunk(arrow_files.map_table(path), "rows")
        rows = arrow_files.seen_of(column, item_count)
    except (KeyError, TypeError, ValueError, AttributeError, DataInvalid) as problem:
        raise ArtifactCorrupt(f"{path}: {problem}", file=path) from problem
    if len(rows.columns) and not 0 <= rows.columns.min() <= rows.columns.max() < item_count:
        raise ArtifactCorrupt(f"{path} names items that the model does not have", file=path)
    return rows
