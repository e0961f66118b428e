"""From a query to a vector of the model's space, and to what the asker has had already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, IntArray, Interactions
from shortlist.core.errors import SingularSystem
from shortlist.core.scan.scoring import VALUE_MAX
from shortlist.server.domain.query import EmbeddingQuery, ItemsQuery, Origin, Query, UserQuery
from shortlist.server.encoders.encoder import Askers, Scorer, one_asker
from shortlist.server.errors import EmbeddingDimension, FieldInvalid, QueryKindUnsupported
from shortlist.server.serving.known_items import ascending, known_rows, last_values
from shortlist.server.serving.serving_model import ServingModel, Space

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
    features: Interactions | None = None  # (1, features) of the user, where they took part


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
    """Return the user's vector, or scores, by the first way that knows enough.

    `path` is the user's place in the request. Raises QueryKindUnsupported and FieldInvalid where
    the history cannot be encoded, and for features that the model does not have.
    """
    user = _known_user(model, query, path)
    for way in (_as_stored, _by_encoder, _by_scorer):
        encoded = way(model, user, path)
        if encoded is not None:
            return encoded
    return _popular(model, user)


def encode_askers(model: ServingModel, space: Space, askers: Askers, path: str) -> FloatArray:
    """Return the vectors (n, dim) of what is known of the user at `path`, or of parts of it.

    Raises QueryKindUnsupported where a history has no vector, FieldInvalid where it is too long.
    """
    try:
        vectors = space.encoder.encode(askers)
    except SingularSystem as error:
        problem = f"model {model.model_id} has too little regularization to fold this history in"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="history") from error
    if not (np.abs(vectors) <= VALUE_MAX).all():
        problem = f"its values are too large: the vector leaves {VALUE_MAX:g}"
        raise FieldInvalid(f"{path}.history", problem, limit=VALUE_MAX)
    return vectors


# ---- users ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _User:
    """Everything that is known of a user, by the query and by the model."""

    row: int | None  # of a user that training knew
    rows: IntArray  # items of stored events and of the history, ascending
    values: FloatArray  # of the events; where both name an item the history's
    has_history: bool  # the query tells of items that the model knows
    is_as_stored: bool  # the query tells nothing that a stored vector does not hold
    features: Interactions | None  # (1, features), told and stored; None: nothing known or needed
    is_placed: bool  # features that not everybody has
    segment: int | None
    missing: list[str]  # of ids, segment and features


def _known_user(model: ServingModel, query: UserQuery, path: str) -> _User:
    row = model.users.row(query.user_id) if query.user_id else None
    missing = [query.user_id] if query.user_id and row is None else []
    stored_rows, stored_values = _NO_HISTORY if row is None else model.seen.row(row)
    given: dict[int, float] = {}
    if query.history_item_ids:
        given, unknown = last_values(model.items, query.history_item_ids, query.history_values)
        missing += unknown
    segment = _segment_row(model, query.segment, row)
    if query.segment and segment is None:
        missing.append(query.segment)
    if query.features and model.user_features is None:
        problem = f"model {model.model_id} was trained without features of users"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="features")
    # A stored vector answers the most frequent query; putting features together would cost more.
    is_as_stored = row is not None and model.space is not None and not (given or query.features)
    told = None
    if model.user_features is not None and not is_as_stored:
        told = model.user_features.of(row, query.features, f"{path}.features")
        missing += told.unknown if told is not None else []
    if given:
        whole = dict(zip(stored_rows.tolist(), stored_values.tolist(), strict=True)) | given
        stored_rows, stored_values = ascending(whole)
    return _User(
        row=row,
        rows=stored_rows,
        values=stored_values,
        has_history=bool(given),
        is_as_stored=is_as_stored,
        features=None if told is None else told.values,
        is_placed=told is not None and told.is_personal,
        segment=segment,
        missing=list(dict.fromkeys(missing)),
    )


def _as_stored(model: ServingModel, user: _User, _path: str) -> Encoded | None:
    """Look a user up of whom the query says nothing new."""
    if user.row is None or model.space is None or not user.is_as_stored:
        return None
    origin = Origin.STORED if len(user.rows) else Origin.FEATURES
    vector = model.space.user_vectors[user.row]
    return Encoded(vector, origin, user.missing, user.rows, user.values)


def _by_encoder(model: ServingModel, user: _User, path: str) -> Encoded | None:
    """Encode events, stored and told, and features; nothing but what all have makes no vector."""
    is_known = user.has_history or user.row is not None or user.is_placed
    if model.space is None or not is_known:
        return None
    asker = one_asker(user.rows, user.values, model.item_count, user.features)
    vector = encode_askers(model, model.space, asker, path)[0]
    origin = Origin.FOLDED_IN if len(user.rows) else Origin.FEATURES
    return Encoded(vector, origin, user.missing, user.rows, user.values, features=user.features)


def _by_scorer(model: ServingModel, user: _User, _path: str) -> Encoded | None:
    """Score without vectors."""
    if model.scorer is None or not (user.has_history or user.row is not None):
        return None
    origin = Origin.FOLDED_IN if user.has_history else Origin.STORED
    asker = one_asker(user.rows, user.values, model.item_count, user.features)
    scores = model.scorer.scores(asker)[0]
    return Encoded(None, origin, user.missing, user.rows, item_scores=scores)


def _popular(model: ServingModel, user: _User) -> Encoded:
    """Answer with what is popular: in the segment, or, where none is known, with everybody."""
    scores = None
    if model.segments is not None and user.segment is not None:
        scores = model.segments.scores.of(user.segment)
    return Encoded(None, Origin.POPULARITY, user.missing, user.rows, item_scores=scores)


def _segment_row(model: ServingModel, segment: str, user_row: int | None) -> int | None:
    """Return the segment that is named, else the one that the user is known to belong to."""
    if model.segments is None:
        return None
    if segment:
        return model.segments.ids.row(segment)
    stored = _NO_ROWS if user_row is None else model.segments.users.row(user_row)[0]
    return int(stored[0]) if len(stored) else None


# ---- items and vectors ------------------------------------------------------------------------


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


def _score_items(model: ServingModel, scorer: Scorer, query: ItemsQuery) -> Encoded:
    """Score by the neighbours of the positives minus those of the negatives."""
    signs, missing = last_values(
        model.items,
        query.item_ids + query.negative_item_ids,
        [1.0] * len(query.item_ids) + [-1.0] * len(query.negative_item_ids),
    )
    rows, values = ascending(signs)
    if not (values > 0).any():
        return Encoded(None, Origin.POPULARITY, missing, rows)
    scores = scorer.scores(one_asker(rows, values, model.item_count))[0]
    return Encoded(None, Origin.ITEMS, missing, rows, item_scores=scores)


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
