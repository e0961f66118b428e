import numpy as np
import numpy.typing as npt

def move_rows(
    rows: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    entries: npt.NDArray[np.int32],
    gradients: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    first_moments: npt.NDArray[np.float32],
    second_moments: npt.NDArray[np.float32],
    steps: npt.NDArray[np.int32],
    first_scales: npt.NDArray[np.float32],
    second_scales: npt.NDArray[np.float32],
    rate: float,
    decay: float,
    square_decay: float,
    scale: float,
    regularization: float,
    first: int,
    last: int,
    level: int,
) -> None: ...
