from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import IntArray, LongArray

_Doubles: TypeAlias = npt.NDArray[np.float64]

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
    relevance: _Doubles,
    strength: float,
    directions: _Doubles,
    nearest: _Doubles,
    looked: LongArray,
    order: LongArray,
) -> None: ...
