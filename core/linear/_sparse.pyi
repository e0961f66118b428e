import numpy as np
import numpy.typing as npt

def multiply_rows(
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    dense: npt.NDArray[np.float32],
    first: int,
    last: int,
    product: npt.NDArray[np.float32],
    level: int,
) -> None: ...
