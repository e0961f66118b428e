import numpy as np
import numpy.typing as npt

BLOCK_ROWS: int
SCRATCH_ROWS: int
TILE_ROWS: int

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
    basis: npt.NDArray[np.float32] | None,
    halved: bool,
    halve: bool,
    scratch: npt.NDArray[np.float32],
    level: int,
) -> None: ...
