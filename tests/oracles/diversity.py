"""Choosing among ranked items so that they differ, in plain Python: slow, obvious."""

from collections import Counter
from collections.abc import Sequence

import numpy as np


def first_per_value(ranked_values: Sequence[set[object]], most: int, wanted: int) -> list[int]:
    """Return the places of the first items that leave every value with at most `most` of them."""
    taken: Counter[object] = Counter()
    kept: list[int] = []
    for place, values in enumerate(ranked_values):
        if len(kept) < wanted and all(taken[value] < most for value in values):
            taken.update(values)
            kept.append(place)
    return kept


def marginal_worth(
    scores: Sequence[float], vectors: np.ndarray, strength: float, chosen: Sequence[int], one: int
) -> float:
    """Return what an item is worth once others are chosen, cosine by cosine."""

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        lengths = float(np.sqrt(a @ a) * np.sqrt(b @ b))
        return float(a @ b) / lengths if lengths else 0.0

    low, high = min(scores), max(scores)
    relevance = (scores[one] - low) / (high - low) if high > low else 1.0
    worth = (1 - strength) * relevance
    if chosen:
        worth -= strength * max(cosine(vectors[one], vectors[other]) for other in chosen)
    return worth
