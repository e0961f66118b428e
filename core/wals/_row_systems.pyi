import numpy as np
import numpy.typing as npt

def exact_scratch_rows(dim: int) -> int: ...
def solve_rows(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    fixed: npt.NDArray[np.float32],
    halved: bool,
    shared: npt.NDArray[np.float32],
    lambdas: npt.NDArray[np.float32],
    prior: npt.NDArray[np.float32] | None,
    w0: float,
    steps: int,
    tolerance: float,
    relaxation: float,
    guard: float,
    cuts: npt.NDArray[np.int64],
    first: int,
    last: int,
    solved: npt.NDArray[np.float32],
    scratch: npt.NDArray[np.float32],
    energies: npt.NDArray[np.float64],
    level: int,
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
