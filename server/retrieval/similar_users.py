"""Users whose vectors point the same way: an exact scan over the directions of all stored users."""

from __future__ import annotations

import numpy as np

from shortlist.core.data.interactions import FloatArray, single_row
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.domain.query import SimilarUsers, SimilarUsersQuery
from shortlist.server.errors import QueryKindUnsupported, UserUnknown
from shortlist.server.retrieval.encode import encode_user
from shortlist.server.serving.known_items import known_rows
from shortlist.server.serving.serving_model import ServingModel, Space

_ROWS_AT_ONCE = 65_536  # bounds the doubles beside the directions


def similar_users(model: ServingModel, query: SimilarUsersQuery) -> SimilarUsers:
    """Return the users of largest cosine with the asked one, who is left out; ties by id.

    The directions of all users are made at a model's first call and kept, as large as the vectors.
    Raises QueryKindUnsupported for a model without vectors, UserUnknown where nothing is known.
    """
    space = model.space
    if space is None:
        problem = f"model {model.model_id} has no vectors, so it knows no similar users"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="similar_users")
    encoded = encode_user(model, query.user, "user")
    if encoded.vector is None:
        problem = f"model {model.model_id} knows nothing about whom the query names"
        raise UserUnknown(problem, model=model.model_id)
    scan = model.user_scan.get("cosine", lambda: ItemScan(_directions(space, space.user_vectors)))
    own = [query.user.user_id] if query.user.user_id else []
    excluded, _ = known_rows(model.users, [*own, *query.exclude_user_ids])
    nothing = np.empty(len(excluded), dtype=np.float32)  # values are not read
    top = scan.top(
        _directions(space, encoded.vector[None]),
        query.count,
        excluded=single_row(excluded, nothing, len(model.users)),
    )
    count = int(top.counts[0])
    return SimilarUsers(
        user_ids=model.users.ids(top.rows[0, :count]),
        scores=np.clip(top.scores[0, :count], -1, 1).tolist(),
        model=model.model_id,
        origin=encoded.origin,
        missing_ids=encoded.missing_ids,
    )


def _directions(space: Space, vectors: FloatArray) -> FloatArray:
    """Return user vectors (users, dim) without biases, scaled to length 1; zero vectors stay."""
    bare = vectors[:, : space.dim - space.offset_width]
    scaled = np.zeros(bare.shape, np.float32)
    for first in range(0, len(bare), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        wide = bare[rows].astype(np.float64)
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        np.divide(wide, lengths, out=wide, where=lengths > 0)
        scaled[rows] = wide
    return scaled
