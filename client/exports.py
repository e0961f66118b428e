"""Exports: candidates for everybody, written on the server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """How far an export is; done where row_count is total_row_count."""

    export_id: str
    model: str
    path: str  # folder on the server with part-00000.parquet, ...
    row_count: int  # users or items written
    total_row_count: int
    size_bytes: int
    seconds_left: float  # negative: not known

    @property
    def is_done(self) -> bool:
        return self.row_count >= self.total_row_count
