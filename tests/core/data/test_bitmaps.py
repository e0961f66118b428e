"""Sets of rows as packed words."""

import numpy as np
import pytest

from shortlist.core.data.bitmaps import (
    bitmap_of_rows,
    complement,
    count_rows,
    full_bitmap,
    intersect,
    pack_bitmap,
    rows_of_bitmap,
    unite,
    unpack_bitmap,
)
from shortlist.core.errors import SettingInvalid

SIZES = [0, 1, 63, 64, 65, 200]


@pytest.mark.parametrize("row_count", SIZES)
def test_packing_and_unpacking_are_inverse(row_count: int) -> None:
    members = np.random.default_rng(row_count).random(row_count) < 0.4
    bitmap = pack_bitmap(members)
    assert unpack_bitmap(bitmap, row_count).tolist() == members.tolist()
    assert rows_of_bitmap(bitmap).tolist() == np.flatnonzero(members).tolist()
    assert count_rows(bitmap) == members.sum()


def test_row_r_is_bit_r_mod_64_of_word_r_div_64() -> None:
    bitmap = bitmap_of_rows(np.array([0, 65, 65, 127]), 130)
    assert bitmap.tolist() == [1, (1 << 1) | (1 << 63), 0]


@pytest.mark.parametrize("row_count", SIZES)
def test_set_operations_are_those_of_booleans(row_count: int) -> None:
    rng = np.random.default_rng(1)
    left, right = rng.random((2, row_count)) < 0.5
    packed = pack_bitmap(left), pack_bitmap(right)
    assert rows_of_bitmap(intersect(*packed)).tolist() == np.flatnonzero(left & right).tolist()
    assert rows_of_bitmap(unite(*packed)).tolist() == np.flatnonzero(left | right).tolist()
    rest = complement(packed[0], row_count)
    assert rows_of_bitmap(rest).tolist() == np.flatnonzero(~left).tolist()
    assert count_rows(full_bitmap(row_count)) == row_count


def test_rows_outside_the_catalog_are_refused() -> None:
    for row in (-1, 10):
        with pytest.raises(SettingInvalid, match=f"rows={row}"):
            bitmap_of_rows(np.array([row, 3]), 10)
