"""What is asked of an export, and how far it is; what it is: server/artifacts/export_files.py."""

from __future__ import annotations

from dataclasses import dataclass

from shortlist.server.artifacts.export_files import ExportKind

COUNT_MAX = 1000
COUNT_DEFAULT = 100


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What a caller asks for."""

    catalog: str
    model: str  # id or alias
    kind: ExportKind
    count: int
    include_seen: bool
    export_id: str  # empty: by model and kind, so that asking again goes on


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """How far one export is."""

    export_id: str
    model_id: str
    path: str  # folder of the parts
    row_count: int  # users or items written, those of an earlier run included
    total_row_count: int
    size_bytes: int
    seconds_left: float  # negative: not known yet
