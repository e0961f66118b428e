import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import IntArray, LongArray

_Bytes = npt.NDArray[np.uint8]
_Keys = npt.NDArray[np.uint64]

def sort_ids(
    utf8: _Bytes,
    offsets: LongArray,
    order: IntArray,
    keys: _Keys,
    spare_keys: _Keys,
    spare_order: IntArray,
) -> None: ...
