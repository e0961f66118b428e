"""Queries: from the wire to the domain, every field checked."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from shortlist.core.scan.scoring import VALUE_MAX
from shortlist.server.domain.query import (
    EmbeddingQuery,
    GivenValue,
    ItemsQuery,
    Origin,
    Query,
    UserQuery,
)
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.fields import (
    ID_CHARACTERS_SURE,
    check_finite,
    check_id,
    check_length,
    check_text,
    ids_from_proto,
)
from shortlist.server.rpc.times import time_from_proto
from shortlist.v1 import query_pb2

HISTORY_MAX = 10_000
FEATURES_MAX = 100
FEATURE_NAME_BYTES_MAX = 512
FEATURE_TEXT_BYTES_MAX = 4096
FEATURE_TEXTS_MAX = 1000
QUERY_ITEMS_MAX = 1000
DIM_MAX = 4096

ORIGIN_TO_PROTO = {
    Origin.STORED: query_pb2.ORIGIN_STORED,
    Origin.FOLDED_IN: query_pb2.ORIGIN_FOLDED_IN,
    Origin.FEATURES: query_pb2.ORIGIN_FEATURES,
    Origin.ITEMS: query_pb2.ORIGIN_ITEMS,
    Origin.EMBEDDING: query_pb2.ORIGIN_EMBEDDING,
    Origin.POPULARITY: query_pb2.ORIGIN_POPULARITY,
}


def query_from_proto(message: query_pb2.Query, path: str) -> Query:
    """Return the query; `path` is where the message stands in its request."""
    target = message.WhichOneof("target")
    if target == "user":
        return user_query_from_proto(message.user, f"{path}.user")
    if target == "items":
        return _items_from_proto(message.items, f"{path}.items")
    if target == "embedding":
        return _embedding_from_proto(message.embedding, f"{path}.embedding.values")
    raise FieldInvalid(path, "needs one target: user, items or embedding")


def user_query_from_proto(message: query_pb2.UserQuery, path: str) -> UserQuery:
    """Return a user, known by id, described by a history, or both."""
    if message.user_id:
        check_id(f"{path}.user_id", message.user_id)
    elif not message.history and not message.features and not message.segment:
        raise FieldInvalid(path, "needs a user_id, a history, features, or a segment")
    if message.segment:
        check_id(f"{path}.segment", message.segment)
    ids, values = _history_from_proto(message.history, f"{path}.history")
    times = _times_from_proto(message.history, f"{path}.history")
    features = _features_from_proto(message.features, f"{path}.features")
    return UserQuery(message.user_id, ids, values, message.segment, features, times)


def _history_from_proto(
    history: Sequence[query_pb2.Event], path: str
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return ids and values in the order sent."""
    check_length(path, len(history), 0, HISTORY_MAX)
    ids, values = [], []
    for i, event in enumerate(history):
        value = event.value if event.HasField("value") else 1.0
        if not event.item_id or len(event.item_id) > ID_CHARACTERS_SURE or not isfinite(value):
            check_id(f"{path}[{i}].item_id", event.item_id)
            check_finite(f"{path}[{i}].value", value)
        ids.append(event.item_id)
        values.append(value)
    return tuple(ids), tuple(values)


def _times_from_proto(history: Sequence[query_pb2.Event], path: str) -> tuple[int, ...] | None:
    """Return the times in the order sent, None where no event has one."""
    timed = [event.HasField("time") for event in history]
    if True not in timed:
        return None
    if False in timed:
        problem = "is missing, though other events have one: either all have a time or none has"
        raise FieldInvalid(f"{path}[{timed.index(False)}].time", problem)
    return tuple(time_from_proto(f"{path}[{i}].time", e.time) for i, e in enumerate(history))


def _features_from_proto(
    message: Mapping[str, query_pb2.FeatureValue], path: str
) -> dict[str, GivenValue]:
    check_length(path, len(message), 0, FEATURES_MAX)
    return {name: _value_from_proto(name, message[name], path) for name in sorted(message)}


def _value_from_proto(name: str, message: query_pb2.FeatureValue, path: str) -> GivenValue:
    check_text(path, name, FEATURE_NAME_BYTES_MAX)
    path = f"{path}[{name!r}]"
    kind = message.WhichOneof("kind")
    if kind == "text":
        return check_text(path, message.text, FEATURE_TEXT_BYTES_MAX)
    if kind == "number":
        return check_finite(path, message.number)
    if kind == "flag":
        return message.flag
    if kind == "texts":
        texts = message.texts.texts
        check_length(path, len(texts), 0, FEATURE_TEXTS_MAX)
        return tuple(check_text(path, text, FEATURE_TEXT_BYTES_MAX) for text in texts)
    raise FieldInvalid(path, "needs a value: text, number, flag or texts")


def _items_from_proto(message: query_pb2.ItemsQuery, path: str) -> ItemsQuery:
    check_length(f"{path}.item_ids", len(message.item_ids), 1, QUERY_ITEMS_MAX)
    return ItemsQuery(
        ids_from_proto(f"{path}.item_ids", message.item_ids, QUERY_ITEMS_MAX),
        ids_from_proto(f"{path}.negative_item_ids", message.negative_item_ids, QUERY_ITEMS_MAX),
    )


def _embedding_from_proto(message: query_pb2.Embedding, path: str) -> EmbeddingQuery:
    check_length(path, len(message.values), 1, DIM_MAX)
    values = np.array(message.values, dtype=np.float32)
    # NaN compares false, so this finds it too.
    unusable = np.flatnonzero(~(np.abs(values) <= VALUE_MAX))
    if len(unusable):
        place, value = int(unusable[0]), float(values[unusable[0]])
        check_finite(f"{path}[{place}]", value)
        problem = f"{value} is beyond {VALUE_MAX:g}, where sums of products overflow"
        raise FieldInvalid(f"{path}[{place}]", problem, found=value, limit=VALUE_MAX)
    return EmbeddingQuery(values)
