"""What an export is, what is asked of it, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

COUNT_MAX = 1000
COUNT_DEFAULT = 100

ExportKind: TypeAlias = Literal["users", "items"]


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """Stored beside the parts: they fit together only where this is the same."""

    model_id: str
    kind: ExportKind  # users: candidates of every stored user; items: related items of every item
    count: int  # candidates of each
    include_seen: bool = False  # users only
    model_created_ms: int = 0  # since 1970: an id may come again with another model


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
