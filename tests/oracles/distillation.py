"""The loss of core/distillation/distillation.py, written out in float64 for one user."""

import numpy as np


def user_loss(
    user: np.ndarray,
    items: np.ndarray,
    weights: np.ndarray,
    corrections: np.ndarray,
    temperature: float,
) -> float:
    """Return -sum of weights log softmax; items (n, dim), what the user has left out."""
    cosines = items @ user / np.linalg.norm(items, axis=1) / np.linalg.norm(user)
    logits = cosines / temperature - corrections
    return float(weights @ (np.logaddexp.reduce(logits) - logits))
