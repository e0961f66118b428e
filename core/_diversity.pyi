from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.interactions import IntArray, LongArray

Doubles: TypeAlias = npt.NDArray[np.float64]

def admit(
    starts: LongArray,
    codes: IntArray,
    ranked: IntArray,
    most: int,
    wanted: int,
    admitted: LongArray,
    kept: LongArray,
) -> int: ...
def order_by_marginal_relevance(
    relevance: Doubles,
    strength: float,
    directions: Doubles,
    nearest: Doubles,
    looked: LongArray,
    order: LongArray,
) -> None: ...
