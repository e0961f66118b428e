import numpy as np
import numpy.typing as npt

def scratch_size(pairs: int, negatives: int, dim: int) -> int: ...
def block_gradients(
    kind: int,
    unit: bool,
    negative_weight: float,
    temperature: float,
    margin: float,
    hard_count: int,
    users: npt.NDArray[np.int32],
    items: npt.NDArray[np.int32],
    labels: npt.NDArray[np.float32],
    negatives: npt.NDArray[np.int32],
    corrections: npt.NDArray[np.float32],
    user_vectors: npt.NDArray[np.float32],
    item_vectors: npt.NDArray[np.float32],
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    user_gradients: npt.NDArray[np.float32],
    item_gradients: npt.NDArray[np.float32],
    negative_gradients: npt.NDArray[np.float32],
    scratch: npt.NDArray[np.float32],
    level: int,
) -> float: ...
