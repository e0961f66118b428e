"""The int8 codes of a model's items and their inverted file, as .npy files that are mapped."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from shortlist.core.scan.inverted_file import InvertedFile
from shortlist.core.scan.quantization import Quantized

CODES, SCALES = "item_codes.npy", "item_scales.npy"
LIST_FIELDS = tuple(field.name for field in fields(InvertedFile) if field.name != "dim")


def write_codes(folder: Path, quantized: Quantized) -> None:
    """Write the int8 copy of the items."""
    np.save(folder / CODES, quantized.codes)
    np.save(folder / SCALES, quantized.scales)


def map_codes(folder: Path, item_count: int, dim: int) -> Quantized:
    """Map the int8 copy. Raises SettingInvalid where it is not of so many items and dims."""
    return Quantized(_mapped(folder / CODES), _mapped(folder / SCALES), item_count, dim)


def list_file(field: str) -> str:
    """Return the name of the file that holds one array of the inverted file."""
    return f"list_{field}.npy"


def write_lists(folder: Path, file: InvertedFile) -> None:
    """Write an inverted file, an array a file."""
    for field in LIST_FIELDS:
        np.save(folder / list_file(field), getattr(file, field))


def map_lists(folder: Path, dim: int) -> InvertedFile:
    """Map an inverted file. Raises SettingInvalid where its arrays do not belong together."""
    arrays = {field: _mapped(folder / list_file(field)) for field in LIST_FIELDS}
    return InvertedFile(**arrays, dim=dim)


def _mapped(path: Path) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)
