import numpy as np
import numpy.typing as npt

ROTATE_ROWS: int

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
