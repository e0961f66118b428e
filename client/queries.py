"""Queries and candidates: the part of the contract that is called most, converted by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shortlist.client.candidates import (
    Candidates,
    Embeddings,
    Event,
    FeatureValue,
    History,
    Interest,
    Query,
    Reason,
    Retrieval,
    SearchReport,
    SimilarUsers,
)
from shortlist.client.conversion import enum_from_proto, enum_to_proto, to_proto
from shortlist.client.restrictions import (
    box_to_proto,
    freshness_to_proto,
    radius_to_proto,
    window_to_proto,
)
from shortlist.client.times import time_to_proto
from shortlist.v1 import query_pb2
from shortlist.v1 import retrieval_service_pb2 as pb2

_ORIGIN = query_pb2.Origin.DESCRIPTOR
_MODE = pb2.SearchMode.DESCRIPTOR


def query_to_proto(query: Query) -> query_pb2.Query:
    """Return the message of a query. Raises ValueError unless it has exactly one target."""
    targets = {
        "user, history, features or segment": bool(
            query.user or len(query.history) or query.features or query.segment
        ),
        "items": bool(len(query.items) or len(query.negative_items)),
        "embedding": query.embedding is not None,
    }
    given = [name for name, is_given in targets.items() if is_given]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise ValueError(f"a query is one of {', '.join(targets)}; given: {found}")
    if query.embedding is not None:
        values = np.asarray(query.embedding, np.float32).ravel().tolist()
        return query_pb2.Query(embedding=query_pb2.Embedding(values=values))
    if targets["items"]:
        _refuse_text("items", query.items)
        _refuse_text("negative_items", query.negative_items)
        items = query_pb2.ItemsQuery(item_ids=query.items, negative_item_ids=query.negative_items)
        return query_pb2.Query(items=items)
    user = user_to_proto(query.user, query.history, query.features, query.segment)
    return query_pb2.Query(user=user)


def user_to_proto(
    user: str, history: History, features: Mapping[str, FeatureValue], segment: str = ""
) -> query_pb2.UserQuery:
    """Return the message of a user."""
    return query_pb2.UserQuery(
        user_id=user,
        history=history_to_proto(history),
        segment=segment,
        features={name: _value_to_proto(value) for name, value in features.items()},
    )


def _value_to_proto(value: FeatureValue) -> query_pb2.FeatureValue:
    if isinstance(value, bool):
        return query_pb2.FeatureValue(flag=value)
    if isinstance(value, str):
        return query_pb2.FeatureValue(text=value)
    if isinstance(value, Sequence):
        return query_pb2.FeatureValue(texts=query_pb2.TextList(texts=value))
    return query_pb2.FeatureValue(number=value)


def history_to_proto(history: History) -> list[query_pb2.Event]:
    """Return the messages of a history, in its order."""
    _refuse_text("history", history)
    return [_event_to_proto(event) for event in history]


def _event_to_proto(event: Event) -> query_pb2.Event:
    match event:
        case str():
            return query_pb2.Event(item_id=event)
        case (item_id, value):
            return query_pb2.Event(item_id=item_id, value=value)
        case (item_id, value, time):
            return query_pb2.Event(item_id=item_id, value=value, time=time_to_proto(time))
    raise ValueError(f"an event is an id, (id, value) or (id, value, time), not {event!r}")


def retrieval_to_proto(request: Retrieval) -> pb2.RetrieveRequest:
    """Return the message of a request."""
    _refuse_text("exclude", request.exclude)
    _refuse_text("candidates", request.candidates)
    return pb2.RetrieveRequest(
        catalog=request.catalog,
        model=request.model,
        query=query_to_proto(request.query),
        count=request.count,
        exclude_item_ids=request.exclude,
        include_seen=request.include_seen,
        candidate_item_ids=request.candidates,
        mode=enum_to_proto(_MODE, request.mode),  # type: ignore[arg-type] # a number of the enum
        min_score=request.min_score,
        require_personalized=request.require_personalized,
        filter=request.filter,
        within=radius_to_proto(request.within),
        box=box_to_proto(request.box),
        window=window_to_proto(request.window),
        freshness=freshness_to_proto(request.freshness),
        diversity=to_proto(request.diversity, pb2.Diversity()) if request.diversity else None,
        popularity_damping=request.popularity_damping,
        interests=request.interests,
        explain=request.explain,
        contributions_max=request.contributions_max,
        export_id=request.export_id,
    )


def candidates_from_proto(reply: pb2.RetrieveResponse) -> Candidates:
    """Return the candidates of a reply."""
    search = reply.search
    return Candidates(
        item_ids=list(reply.item_ids),
        scores=np.array(reply.scores, np.float32),
        model=reply.model,
        origin=enum_from_proto(_ORIGIN, reply.origin),
        missing_ids=list(reply.missing_ids),
        search=SearchReport(
            enum_from_proto(_MODE, search.mode), search.eligible_items, search.scored_items
        ),
        reasons=tuple(
            Reason(tuple((c.item_id, c.amount) for c in one.contributions), one.remainder)
            for one in reply.reasons
        ),
        interests=tuple(Interest(one.medoid_item_id, one.item_count) for one in reply.interests),
        interest_of=tuple(reply.interest_of),
    )


def similar_users_to_proto(
    user: str,
    history: History,
    features: Mapping[str, FeatureValue],
    count: int,
    exclude: Sequence[str],
    model: str,
    catalog: str,
) -> pb2.SimilarUsersRequest:
    """Return the message of a request for similar users."""
    _refuse_text("exclude", exclude)
    return pb2.SimilarUsersRequest(
        catalog=catalog,
        model=model,
        user=user_to_proto(user, history, features),
        count=count,
        exclude_user_ids=exclude,
    )


def similar_users_from_proto(reply: pb2.SimilarUsersResponse) -> SimilarUsers:
    """Return the users of a reply."""
    return SimilarUsers(
        user_ids=list(reply.user_ids),
        scores=np.array(reply.scores, np.float32),
        model=reply.model,
        origin=enum_from_proto(_ORIGIN, reply.origin),
        missing_ids=list(reply.missing_ids),
    )


def embeddings_from_proto(reply: pb2.EmbedResponse) -> Embeddings:
    """Return the vectors of a reply, NaN where a query has none."""
    dim = max((len(one.values) for one in reply.embeddings), default=0)
    vectors = np.full((len(reply.embeddings), dim), np.nan, np.float32)
    for row, one in enumerate(reply.embeddings):
        if len(one.values):
            vectors[row] = one.values
    return Embeddings(
        vectors=vectors,
        origins=[enum_from_proto(_ORIGIN, one.origin) for one in reply.embeddings],
        missing_ids=[list(one.missing_ids) for one in reply.embeddings],
        model=reply.model,
    )


def _refuse_text(name: str, ids: Sequence[object]) -> None:
    """A single id where a list belongs would be taken letter by letter."""
    if isinstance(ids, str):
        raise TypeError(f"{name} is a list of ids, not one text: [{ids!r}]")
