"""Neighbours by dense matrices in float64, every formula written out."""

import numpy as np

from shortlist.core.data.interactions import Interactions


def similarities_of(interactions: Interactions, weighting: str) -> np.ndarray:
    """Return (rows, rows) similarities; the diagonal means nothing."""
    x = np.zeros((interactions.row_count, interactions.column_count))
    for row in range(interactions.row_count):
        columns, values = interactions.row(row)
        x[row, columns] = values
    if weighting == "cosine":
        w = x
    else:
        x = np.maximum(x, 0)
        rarity = np.log(1 + len(x) / np.maximum((x > 0).sum(axis=0), 1))
        if weighting == "tfidf":
            w = np.sqrt(x) * rarity
        else:
            lengths = x.sum(axis=1, keepdims=True)
            w = x * 2.2 / (x + 1.2 * (0.25 + 0.75 * lengths / lengths.mean())) * rarity
    if weighting != "bm25":
        norms = np.linalg.norm(w, axis=1, keepdims=True)
        w = w / np.where(norms > 0, norms, 1)
    return w @ w.T
