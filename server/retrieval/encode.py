"""From a query to a vector of the model's space, and to what the asker has had already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, single_row
from shortlist.core.errors import SingularSystem
from shortlist.core.scan.scoring import VALUE_MAX
from shortlist.server.domain.query import EmbeddingQuery, ItemsQuery, Origin, Query, UserQuery
from shortlist.server.errors import EmbeddingDimension, FieldInvalid, QueryKindUnsupported
from shortlist.server.retrieval.user_prior import Center
from shortlist.server.serving.known_items import known_rows, last_values
from shortlist.server.serving.serving_model import ServingModel, Space
from shortlist.server.trainers.trainer import HistoryScorer

_NO_ROWS: IntArray = np.empty(0, dtype=np.int32)
_NO_HISTORY: tuple[IntArray, FloatArray] = (_NO_ROWS, np.empty(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Encoded:
    """What became of one query."""

    vector: FloatArray | None  # (dim,); None: nothing is known, popular items answer
    origin: Origin
    missing_ids: list[str]  # ids of the query that the model does not know, in order, none twice
    seen_rows: IntArray  # items of the user's known events, of the history, of an items query
    seen_values: FloatArray | None = None  # of the events, where a history made the vector
    item_scores: FloatArray | None = None  # (items,) where scores come without a vector
    center: FloatArray | None = None  # (dim,) where the vector is drawn to


def encode(model: ServingModel, query: Query, path: str) -> Encoded:
    """Return the query's vector; `path` is its place in the request, for error messages.

    Raises QueryKindUnsupported for items and vectors asked of a model without vectors,
    EmbeddingDimension for a vector of another length than the model's, and FieldInvalid for a
    history whose values are too large to fold in.
    """
    if isinstance(query, UserQuery):
        return encode_user(model, query, f"{path}.user")
    if isinstance(query, ItemsQuery) and model.scorer is not None:
        return _score_items(model, model.scorer, query)
    if model.space is None:
        kind = "items" if isinstance(query, ItemsQuery) else "embedding"
        problem = f"model {model.model_id} has no vectors, so it answers no {kind} query"
        raise QueryKindUnsupported(problem, model=model.model_id, kind=kind)
    if isinstance(query, ItemsQuery):
        return _encode_items(model, model.space, query)
    return _encode_embedding(model.space, query, path)


def encode_user(model: ServingModel, query: UserQuery, path: str) -> Encoded:
    """Look the user up, fold the history in, or do both: the history added to the stored events.

    `path` is the user's place in the request. Raises QueryKindUnsupported and FieldInvalid where
    the history cannot be folded in, and for features that the model does not have.
    """
    user_row = model.users.row(query.user_id) if query.user_id else None
    missing = [query.user_id] if query.user_id and user_row is None else []
    stored_rows, stored_values = _NO_HISTORY if user_row is None else model.seen.row(user_row)
    given: dict[int, float] = {}
    if query.history_item_ids:
        given, unknown = last_values(model.items, query.history_item_ids, query.history_values)
        missing = list(dict.fromkeys(missing + unknown))
    segment = _segment_row(model, query.segment, user_row)
    if query.segment and segment is None:
        missing = list(dict.fromkeys([*missing, query.segment]))
    if user_row is not None and model.space is not None and not (given or query.features):
        origin = Origin.STORED if len(stored_rows) else Origin.FEATURES
        vector = model.space.user_vectors[user_row]
        return Encoded(vector, origin, missing, stored_rows, stored_values)
    center = _center(model, query, user_row, path)
    missing = list(dict.fromkeys([*missing, *center.unknown])) if center is not None else missing
    if not given and user_row is None:
        if center is not None and center.is_told:
            return Encoded(center.vector, Origin.FEATURES, missing, stored_rows)
        return _popular(model, segment, missing, stored_rows)
    whole = dict(zip(stored_rows.tolist(), stored_values.tolist(), strict=True)) | given
    rows = np.array(sorted(whole), dtype=np.int32)
    values = np.array([whole[row] for row in rows.tolist()], dtype=np.float32)
    if model.space is not None:
        history = single_row(rows, values, model.item_count)
        drawn = None if center is None else center.vector
        vector = fold_in(model, model.space, history, path, drawn)[0]
        origin = Origin.FOLDED_IN if len(rows) else Origin.FEATURES
        return Encoded(vector, origin, missing, rows, values, center=drawn)
    if model.scorer is not None:
        origin = Origin.FOLDED_IN if given else Origin.STORED
        scores = model.scorer.scores(rows, values)
        return Encoded(None, origin, missing, rows, item_scores=scores)
    return _popular(model, segment, missing, rows)


def _center(
    model: ServingModel, query: UserQuery, user_row: int | None, path: str
) -> Center | None:
    """Return where the vector is drawn to, None where the model draws it nowhere."""
    prior = None if model.space is None else model.space.user_prior
    if query.features and (prior is None or not prior.columns):
        problem = f"model {model.model_id} was trained without features of users"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="features")
    return None if prior is None else prior.center(user_row, query.features, f"{path}.features")


def _segment_row(model: ServingModel, segment: str, user_row: int | None) -> int | None:
    """Return the segment that is named, else the one that the user is known to belong to."""
    if model.segments is None:
        return None
    if segment:
        return model.segments.ids.row(segment)
    stored = _NO_ROWS if user_row is None else model.segments.users.row(user_row)[0]
    return int(stored[0]) if len(stored) else None


def _popular(
    model: ServingModel, segment: int | None, missing: list[str], seen: IntArray
) -> Encoded:
    """Answer with what is popular: in the segment, or, where none is known, with everybody."""
    if model.segments is None or segment is None:
        return Encoded(None, Origin.POPULARITY, missing, seen)
    scores = model.segments.scores.of(segment)
    return Encoded(None, Origin.POPULARITY, missing, seen, item_scores=scores)


def fold_in(
    model: ServingModel,
    space: Space,
    histories: Interactions,
    path: str,
    center: FloatArray | None = None,
) -> FloatArray:
    """Return the vectors (rows, dim) of histories (rows, items) of the user at `path`.

    center (dim,): where they are drawn to; None: to 0.
    Raises QueryKindUnsupported where a history has no vector, FieldInvalid where it is too long.
    """
    try:
        if center is None or space.user_prior is None:
            vectors = space.fold_in.solve(histories)
        else:
            vectors = space.user_prior.solve(histories, center)
    except SingularSystem as error:
        problem = f"model {model.model_id} has too little regularization to fold this history in"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="history") from error
    if not (np.abs(vectors) <= VALUE_MAX).all():
        problem = f"its values are too large: the vector leaves {VALUE_MAX:g}"
        raise FieldInvalid(f"{path}.history", problem, limit=VALUE_MAX)
    return vectors


def _encode_items(model: ServingModel, space: Space, query: ItemsQuery) -> Encoded:
    """Mean direction of the positives minus mean direction of the negatives."""
    positives, missing = known_rows(model.items, query.item_ids)
    negatives, missing_negatives = known_rows(model.items, query.negative_item_ids)
    missing = list(dict.fromkeys(missing + missing_negatives))
    seen = np.union1d(positives, negatives).astype(np.int32)
    if not len(positives):
        return Encoded(None, Origin.POPULARITY, missing, seen)
    vector = directions(space, positives).mean(axis=0)
    if len(negatives):
        vector = vector - directions(space, negatives).mean(axis=0)
    return Encoded(vector.astype(np.float32), Origin.ITEMS, missing, seen)


def _score_items(model: ServingModel, scorer: HistoryScorer, query: ItemsQuery) -> Encoded:
    """Score by the neighbours of the positives minus those of the negatives."""
    found, missing = last_values(
        model.items,
        query.item_ids + query.negative_item_ids,
        [1.0] * len(query.item_ids) + [-1.0] * len(query.negative_item_ids),
    )
    rows = np.array(sorted(found), dtype=np.int32)
    values = np.array([found[row] for row in rows.tolist()], dtype=np.float32)
    if not (values > 0).any():
        return Encoded(None, Origin.POPULARITY, missing, rows)
    return Encoded(None, Origin.ITEMS, missing, rows, item_scores=scorer.scores(rows, values))


def _encode_embedding(space: Space, query: EmbeddingQuery, path: str) -> Encoded:
    length = len(query.values)
    if length != space.dim:
        problem = f"has {length} numbers; the model's dim is {space.dim}"
        field = f"{path}.embedding.values"
        raise EmbeddingDimension(field, problem, found=length, limit=space.dim)
    return Encoded(query.values, Origin.EMBEDDING, [], _NO_ROWS)


def directions(space: Space, rows: IntArray) -> npt.NDArray[np.float64]:
    """Return items' vectors (rows, dim) scaled to length 1; zero vectors stay.

    Biases are left out: what many like is not what is alike.
    """
    wide = space.item_vectors[rows].astype(np.float64)
    wide[:, space.dim - space.offset_width :] = 0
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float64] = np.zeros_like(wide)
    np.divide(wide, lengths, out=scaled, where=lengths > 0)
    return scaled
