import numpy as np
import numpy.typing as npt

def sample_rows(
    users: npt.NDArray[np.int32],
    row_starts: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    item_count: int,
    thresholds: npt.NDArray[np.uint32],
    aliases: npt.NDArray[np.int32],
    seed: int,
    attempts_max: int,
    first: int,
    last: int,
    items: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int32],
    marks: npt.NDArray[np.uint64],
) -> int: ...
