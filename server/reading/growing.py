"""A column that grows batch by batch."""

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


class GrowingArray(Generic[Scalar]):
    """Appends in place; with a good guess of the length nothing is ever copied again."""

    def __init__(self, kind: type[Scalar], length_guess: int) -> None:
        # Memory that is never written is never given by the system: too large a guess is free.
        self._array: npt.NDArray[Scalar] = np.empty(max(1, length_guess), kind)
        self._length = 0

    def append(self, part: npt.NDArray[Scalar]) -> None:
        wanted = self._length + len(part)
        if wanted > len(self._array):
            grown = np.empty(max(wanted, 2 * len(self._array)), self._array.dtype)
            grown[: self._length] = self._array[: self._length]
            self._array = grown
        self._array[self._length : wanted] = part
        self._length = wanted

    def array(self) -> npt.NDArray[Scalar]:
        """Return what was appended: a view, good until the next append."""
        return self._array[: self._length]
