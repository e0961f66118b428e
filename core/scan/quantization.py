"""Item vectors as int8: a quarter of the bytes to read when every item is scanned.

Each item has one scale s = largest magnitude / 127 and each value v the code 128 + round(v / s),
1..255. An inner product of codes only estimates a score; scoring.py scores the best again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray
from shortlist.core.errors import DataInvalid, SettingInvalid

ByteArray: TypeAlias = npt.NDArray[np.uint8]

BLOCK_ITEMS: Final = 16  # items side by side in a block
GROUP_DIMS: Final = 4  # dims that one dot-product instruction sums
TILE_ITEMS: Final = 64  # the catalog is filled up to whole tiles; a word of a bitmap is one
TINY: Final = 1e-30  # an item without a larger magnitude counts as zero: 127 / magnitude overflows
ROWS_AT_ONCE: Final = 1 << 14  # items quantized at a time: bounds the temporary memory


@dataclass(frozen=True, slots=True)
class Quantized:
    """Codes and scales of n items; both arrays may be read-only memory maps.

    Inside block b and group g byte 4 * i + d is the code of item 16 * b + i, dim 4 * g + d. Items
    and dims that only fill up have the code 128, which means 0, and the scale 0.
    """

    codes: ByteArray  # (blocks, groups, 64), blocks a multiple of 4
    scales: FloatArray  # (16 * blocks,)
    item_count: int
    dim: int

    def __post_init__(self) -> None:
        """Raise SettingInvalid when the arrays cannot be those of this many items and dims."""
        expected = codes_shape(self.item_count, self.dim)
        if self.codes.dtype != np.uint8 or self.codes.shape != expected:
            raise SettingInvalid("codes", f"{self.codes.dtype} {self.codes.shape}", f"{expected}")
        scales = (expected[0] * BLOCK_ITEMS,)
        if self.scales.dtype != np.float32 or self.scales.shape != scales:
            raise SettingInvalid("scales", f"{self.scales.dtype} {self.scales.shape}", f"{scales}")


def codes_shape(item_count: int, dim: int) -> tuple[int, int, int]:
    """Return the shape of the codes of so many items."""
    blocks = -(-item_count // TILE_ITEMS) * (TILE_ITEMS // BLOCK_ITEMS)
    return blocks, -(-dim // GROUP_DIMS), BLOCK_ITEMS * GROUP_DIMS


def quantize(item_vectors: FloatArray) -> Quantized:
    """Return the int8 copy of item_vectors (n, dim) float32.

    Raises DataInvalid at a value that is NaN or infinite.
    """
    item_count, dim = item_vectors.shape
    codes = np.empty(codes_shape(item_count, dim), np.uint8)
    scales = np.zeros(len(codes) * BLOCK_ITEMS, np.float32)
    for first in range(0, item_count, ROWS_AT_ONCE):
        vectors = item_vectors[first : first + ROWS_AT_ONCE]
        largest = np.abs(vectors).max(axis=1, initial=0)
        if not np.isfinite(largest).all():
            row = first + int(np.flatnonzero(~np.isfinite(largest))[0])
            raise DataInvalid(f"item_vectors[{row}] holds a value that is not finite")
        scales[first : first + len(vectors)] = largest / np.float32(127)
        blocks = slice(first // BLOCK_ITEMS, (first + ROWS_AT_ONCE) // BLOCK_ITEMS)
        codes[blocks] = _interleave(_codes(vectors, largest), codes[blocks].shape)
    return Quantized(codes, scales, item_count, dim)


def _codes(vectors: FloatArray, largest: FloatArray) -> ByteArray:
    """Return the code of every value, (n, dim)."""
    factors = np.divide(127, largest, out=np.zeros_like(largest), where=largest > TINY)
    return (np.rint(vectors * factors[:, None]) + 128).astype(np.uint8)


def _interleave(codes: ByteArray, shape: tuple[int, ...]) -> ByteArray:
    """Return codes (n, dim) in the layout of Quantized, (blocks, groups, 64)."""
    blocks, groups, _ = shape
    filled = np.full((blocks * BLOCK_ITEMS, groups * GROUP_DIMS), 128, np.uint8)
    filled[: codes.shape[0], : codes.shape[1]] = codes
    parted = filled.reshape(blocks, BLOCK_ITEMS, groups, GROUP_DIMS)
    return parted.transpose(0, 2, 1, 3).reshape(shape)
