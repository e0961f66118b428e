import numpy as np
import numpy.typing as npt

def gram(
    rows: npt.NDArray[np.float32],
    first: int,
    last: int,
    product: npt.NDArray[np.float32],
    level: int,
) -> None: ...
def rotate(
    rows: npt.NDArray[np.float32],
    first: int,
    last: int,
    basis: npt.NDArray[np.float32],
    scratch: npt.NDArray[np.float32],
    level: int,
) -> None: ...
def solve_rows(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    fixed: npt.NDArray[np.float32],
    shared: npt.NDArray[np.float32],
    lambdas: npt.NDArray[np.float32],
    w0: float,
    steps: int,
    tolerance: float,
    relaxation: float,
    first: int,
    last: int,
    solved: npt.NDArray[np.float32],
    scratch: npt.NDArray[np.float32],
    level: int,
) -> None: ...
def solve_rows_exactly(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    fixed: npt.NDArray[np.float32],
    shared: npt.NDArray[np.float32],
    lambdas: npt.NDArray[np.float32],
    w0: float,
    first: int,
    last: int,
    solved: npt.NDArray[np.float32],
    system: npt.NDArray[np.float64],
) -> int: ...
def observed_loss(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    fixed: npt.NDArray[np.float32],
    solved: npt.NDArray[np.float32],
    w0: float,
    first: int,
    last: int,
    level: int,
) -> float: ...
