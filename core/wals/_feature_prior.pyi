import numpy as np
import numpy.typing as npt

def add_outer_products(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
) -> None: ...
def add_weighted_rows(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float64],
    dense: npt.NDArray[np.float32],
    first: int,
    last: int,
    sums: npt.NDArray[np.float64],
) -> None: ...
