"""The order of outside ids: that of their UTF-8 bytes, which is also Python's order of strings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shortlist.core.data._id_order import sort_ids
from shortlist.core.data.interactions import IntArray, LongArray


def id_order(utf8: npt.NDArray[np.uint8], offsets: LongArray, count: int) -> IntArray:
    """Return the numbers of the first `count` ids, (count,), in the order of their bytes.

    Id i is utf8[offsets[i] : offsets[i + 1]]; equal ids keep the order that they came in.
    """
    order = np.arange(count, dtype=np.int32)
    if count:
        keys = np.empty((2, count), np.uint64)
        sort_ids(utf8, offsets, order, keys[0], keys[1], np.empty(count, np.int32))
    return order
