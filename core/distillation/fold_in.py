"""The vector of a history under a distilled model: the sum of what its items add, of length 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.linear.sparse import multiply


class DistilledFoldIn:
    """Folds histories in; immutable, used by many threads."""

    def __init__(self, added: FloatArray) -> None:
        """Take what every item adds, (items, dim), by reference."""
        self._added = added

    def solve(self, histories: Interactions, threads: int = 1) -> FloatArray:
        """Return the vectors (rows, dim) of histories (rows, items) of raw event values.

        A history without likes has the zero vector.
        """
        return unit_rows(multiply(likes(histories), self._added, threads=threads))

    def parts(self, history: Interactions) -> npt.NDArray[np.float64]:
        """Return (entries, dim): what each entry of one history adds to its vector."""
        liked = (history.values >= 0)[:, None]
        added = np.where(liked, self._added[history.columns], 0).astype(np.float64)
        length = float(np.linalg.norm(added.sum(axis=0)))
        parts: npt.NDArray[np.float64] = added / (length or 1.0)
        return parts


def likes(histories: Interactions) -> Interactions:
    """Return only what each row (rows, items) liked, with weights of 1 / sqrt(likes of the row)."""
    liked = histories.values >= 0
    before = np.zeros(len(liked) + 1, np.int64)
    np.cumsum(liked, out=before[1:])
    starts = before[histories.row_starts]
    counts = np.diff(starts)
    weights = np.repeat(np.maximum(counts, 1) ** -0.5, counts).astype(np.float32)
    return replace(histories, row_starts=starts, columns=histories.columns[liked], values=weights)


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Return the rows with length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: FloatArray = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled
