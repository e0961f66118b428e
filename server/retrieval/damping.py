"""Popularity damping: scores divided by a power of the item's length.

Training gives items that many have longer vectors, so dividing by length^exponent takes popularity
out of the ranking: 0 leaves it, 1 ranks by cosine. The items are scaled, not the scores: what
scans, gathers and explains then works on the scaled items as on any others, and is as exact. An
exponent's first request makes them in a pass over the vectors; they take as much memory as the
vectors and their scan, and a model keeps two exponents.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.errors import QueryKindUnsupported
from shortlist.server.serving.serving_model import ServingModel, Space


def damped(model: ServingModel, exponent: float) -> ServingModel:
    """Return the model with its items scaled by length^-exponent, 0..1; zero vectors stay.

    Raises QueryKindUnsupported where scores are ratings, which a length does not scale.
    """
    space = model.space
    if not exponent or space is None:
        return model
    if space.offset_width:
        problem = f"model {model.model_id} predicts ratings, which popularity_damping cannot scale"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="popularity_damping")
    return model.damped.get(exponent, lambda: replace(model, space=_scaled(space, exponent)))


def _scaled(space: Space, exponent: float) -> Space:
    vectors = space.item_vectors
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    factors = np.ones_like(lengths)
    np.power(lengths, -exponent, out=factors, where=lengths > 0)
    scaled = np.empty(vectors.shape, np.float32)
    np.multiply(vectors, factors[:, None], out=scaled, casting="same_kind")  # in doubles
    scan = ItemScan(scaled, quantize(scaled), trusted=True)
    return replace(space, item_vectors=scaled, scan=scan, index=None)
