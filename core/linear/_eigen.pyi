import numpy as np
import numpy.typing as npt

SCRATCH_ROWS: int

def diagonalise(
    symmetric: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    vectors: npt.NDArray[np.float64],
    scratch: npt.NDArray[np.float64],
    level: int,
) -> bool: ...
