"""Options that several commands share, and how results are printed."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from shortlist.client.training import DataSource, InteractionSource

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
OptionGroup: TypeAlias = "argparse._ArgumentGroup | argparse.ArgumentParser"


def add_source_options(parser: OptionGroup, prefix: str, what: str) -> None:
    """Add how a table is written: --{prefix}format and so on."""
    parser.add_argument(
        f"--{prefix}format", default="", help=f"{what}: parquet, csv, tsv, arrow, adjacency"
    )
    parser.add_argument(f"--{prefix}separator", default="", help=f"{what}: separator of text")
    parser.add_argument(
        f"--{prefix}headerless", action="store_true", help=f"{what}: columns are 0, 1, ..."
    )
    parser.add_argument(f"--{prefix}encoding", default="", help=f"{what}: utf-8 or latin-1")


def source_of(uri: str, options: argparse.Namespace, prefix: str) -> DataSource:
    """Return the table that the options name."""
    return DataSource(
        uri=uri,
        format=getattr(options, f"{prefix}format"),
        separator=getattr(options, f"{prefix}separator"),
        headerless=getattr(options, f"{prefix}headerless"),
        encoding=getattr(options, f"{prefix}encoding"),
    )


def add_column_options(parser: OptionGroup, prefix: str = "") -> None:
    """Add which columns mean what."""
    for name in ("user", "item", "value", "time"):
        parser.add_argument(
            f"--{prefix}{name}-column", default="", help=f"column of the {name} (default: by name)"
        )


def interactions_of(uri: str, options: argparse.Namespace, prefix: str = "") -> InteractionSource:
    """Return the interactions that the options name."""
    key = prefix.replace("-", "_")
    return InteractionSource(
        source_of(uri, options, key),
        user_column=getattr(options, f"{key}user_column"),
        item_column=getattr(options, f"{key}item_column"),
        value_column=getattr(options, f"{key}value_column"),
        time_column=getattr(options, f"{key}time_column"),
    )


def numbers(text: str) -> tuple[int, ...]:
    """Read "10,20,100"."""
    return tuple(int(part) for part in text.split(",") if part.strip())


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=2))


def plain(value: Any) -> Any:
    """Return dataclasses, arrays and times as what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print aligned columns; columns of numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    right = [
        bool(rows) and all(isinstance(row[column], int | float) for row in rows)
        for column in range(len(header))
    ]
    for line in [list(header), *cells]:
        parts = [
            text.rjust(width) if is_right else text.ljust(width)
            for text, width, is_right in zip(line, widths, right, strict=True)
        ]
        print("  ".join(parts).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,}" if isinstance(value, int) else str(value)
