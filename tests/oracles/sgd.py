"""The losses of core/sgd/sgd.py, written out in float64, one pair at a time."""

from __future__ import annotations

import numpy as np

from shortlist.core.sgd.params import SgdParams


def softplus(x: float) -> float:
    return float(np.logaddexp(0, x))


def pair_loss(
    user: np.ndarray,
    item: np.ndarray,
    negatives: np.ndarray,
    corrections: np.ndarray,
    label: float,
    share: float,
    params: SgdParams,
) -> float:
    """Return the loss of one pair; `share` is the weight of one negative."""

    def score(a: np.ndarray, b: np.ndarray) -> float:
        product = float(a @ b)
        if params.unit:
            product /= float(np.linalg.norm(a) * np.linalg.norm(b))
        return product

    s = score(user, item)
    others = [score(user, one) for one in negatives]
    if params.loss == "squared":
        return (s - label) ** 2 + share * sum(x * x for x in others)
    if params.loss == "logistic":
        return softplus(s) - label * s + share * sum(map(softplus, others))
    if params.loss == "bpr":
        return share * sum(softplus(x - s) for x in others)
    if params.loss == "softmax":
        logits = [x / params.temperature - c for x, c in zip(others, corrections, strict=True)]
        mine = s / params.temperature
        return float(np.logaddexp.reduce([mine, *logits])) - mine
    return 1 - s + share * sum(max(0.0, x - params.margin) for x in others)


def numeric_gradient(function, at: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return central differences of a function of one array."""
    gradient = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        moved = at.copy()
        moved[place] += 1e-5
        above = function(moved)
        moved[place] -= 2e-5
        gradient[place] = (above - function(moved)) / 2e-5
    return gradient
