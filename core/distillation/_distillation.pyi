import numpy as np
import numpy.typing as npt

def scratch_size(users: int, candidates: int, dim: int) -> int: ...
def distilled_gradients(
    temperature: float,
    user_vectors: npt.NDArray[np.float32],
    positive_starts: npt.NDArray[np.int64],
    positives: npt.NDArray[np.int32],
    candidates: npt.NDArray[np.int32],
    corrections: npt.NDArray[np.float32],
    item_vectors: npt.NDArray[np.float32],
    target_starts: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    user_gradients: npt.NDArray[np.float32],
    candidate_gradients: npt.NDArray[np.float32],
    scratch: npt.NDArray[np.float32],
    level: int,
) -> float: ...
