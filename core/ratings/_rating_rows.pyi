import numpy as np
import numpy.typing as npt

def solve_rows(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    fixed: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.float64],
    ridges: npt.NDArray[np.float64],
    bias_ridge: float,
    biased: bool,
    first: int,
    last: int,
    scratch: npt.NDArray[np.float64],
    solved: npt.NDArray[np.float64],
    failed: npt.NDArray[np.uint8],
) -> None: ...
def entry_errors(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    rows: npt.NDArray[np.float64],
    row_offsets: npt.NDArray[np.float64],
    fixed: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.float64],
    first: int,
    last: int,
    errors: npt.NDArray[np.float64],
) -> None: ...
def sum_rows(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float64],
    fixed: npt.NDArray[np.float64],
    first: int,
    last: int,
    sums: npt.NDArray[np.float64],
) -> None: ...
