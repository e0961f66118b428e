"""What Retrieve must answer, in plain Python and float64: slow, obvious, nothing shared."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt


def best_items(
    ids: list[str],
    scores: npt.NDArray[np.float64],
    *,
    count: int,
    excluded: Iterable[str] = (),
    candidates: Iterable[str] = (),
    min_score: float | None = None,
) -> tuple[list[str], list[float]]:
    """Return (ids, scores) of the best allowed items, best first, ties by id."""
    denied, wanted = set(excluded), set(candidates)
    allowed = [
        (-float(score), name)
        for name, score in zip(ids, scores, strict=True)
        if name not in denied
        and (not wanted or name in wanted)
        and (min_score is None or score >= min_score)
    ]
    best = sorted(allowed)[:count]
    return [name for _, name in best], [-score for score, _ in best]


def items_vector(
    vectors: npt.NDArray[np.float64], positives: list[int], negatives: list[int]
) -> npt.NDArray[np.float64]:
    """Return the mean direction of the positive rows minus that of the negative ones."""

    def mean_direction(rows: list[int]) -> npt.NDArray[np.float64]:
        total = np.zeros(vectors.shape[1])
        for row in sorted(set(rows)):
            length = np.sqrt(np.sum(vectors[row] ** 2))
            if length > 0:
                total += vectors[row] / length
        return total / max(1, len(set(rows)))

    return mean_direction(positives) - mean_direction(negatives)
