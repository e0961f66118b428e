import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, IntArray, LongArray

def nearest_rows(
    row_starts: LongArray,
    columns: IntArray,
    weights: FloatArray,
    turned_starts: LongArray,
    turned_columns: IntArray,
    turned_weights: FloatArray,
    first: int,
    last: int,
    totals: npt.NDArray[np.float64],
    touched: IntArray,
    summed_for: IntArray,
    scores: FloatArray,
    nearest: IntArray,
    counts: LongArray,
) -> None: ...
