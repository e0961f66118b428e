"""The calls of RetrievalService: what is sent, and what the answer becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy.typing as npt

from shortlist.client.call import RETRIEVAL, Call
from shortlist.client.candidates import (
    Candidates,
    Diversity,
    Embeddings,
    FeatureValue,
    History,
    Query,
    Retrieval,
    SimilarUsers,
)
from shortlist.client.errors import ShortlistClientError, error_from_entry
from shortlist.client.queries import (
    candidates_from_proto,
    embeddings_from_proto,
    query_to_proto,
    retrieval_to_proto,
    similar_users_from_proto,
    similar_users_to_proto,
)
from shortlist.client.restrictions import Freshness, GeoBox, GeoRadius, TimeWindow
from shortlist.v1 import retrieval_service_pb2 as pb2


def retrieve(
    *,
    user: str = "",
    history: History = (),
    items: Sequence[str] = (),
    negative_items: Sequence[str] = (),
    embedding: npt.ArrayLike | None = None,
    segment: str = "",
    features: Mapping[str, FeatureValue] | None = None,
    count: int = 0,
    exclude: Sequence[str] = (),
    include_seen: bool = False,
    candidates: Sequence[str] = (),
    mode: str = "",
    min_score: float | None = None,
    require_personalized: bool = False,
    filter: str = "",
    within: GeoRadius | None = None,
    box: GeoBox | None = None,
    window: TimeWindow | None = None,
    freshness: Freshness | None = None,
    diversity: Diversity | None = None,
    popularity_damping: float = 0.0,
    interests: int = 0,
    explain: bool = False,
    contributions_max: int = 0,
    export_id: str = "",
    model: str = "",
    catalog: str = "",
) -> Call[Candidates]:
    """Return the best items for a user and/or a history, for items, or for an embedding.

    history: item ids, (item id, value) or (item id, value, time), the latest last where they have
    no times; a negative value is a dislike. segment: of the user, such as a country; popular items
    answer from it where nothing else is known. features: what the user is, by attribute of the
    training's users. count 0: 100.
    candidates: score only these. filter: AIP-160 over the items' attributes, as in
    city = "Rome" AND year >= 2000; within, box, window: where and when items must be; freshness:
    new ones first. mode: "exact", "approximate", "precomputed" (by an export: export_id, or the
    newest), or "" for the server's choice.
    popularity_damping: divide scores by the item's length to this power, 0..1. interests: ask for
    up to so many parts of the history on their own. explain: say which items of the history made
    each score, contributions_max of them (0: 3).
    """
    request = Retrieval(
        query=Query(user, history, items, negative_items, embedding, segment, features or {}),
        count=count, exclude=exclude, include_seen=include_seen, candidates=candidates, mode=mode,
        min_score=min_score, require_personalized=require_personalized, filter=filter,
        within=within, box=box, window=window, freshness=freshness, diversity=diversity,
        popularity_damping=popularity_damping, interests=interests, explain=explain,
        contributions_max=contributions_max, export_id=export_id, catalog=catalog, model=model,
    )  # fmt: skip
    return Call(
        RETRIEVAL,
        "Retrieve",
        retrieval_to_proto(request),
        pb2.RetrieveResponse,
        candidates_from_proto,
    )


def retrieve_batch(
    requests: Sequence[Retrieval],
) -> Call[list[Candidates | ShortlistClientError]]:
    """Answer many requests in one call; an entry that fails is an error in its place."""
    sent = [retrieval_to_proto(request) for request in requests]

    def convert(
        reply: pb2.BatchRetrieveResponse,
    ) -> list[Candidates | ShortlistClientError]:
        return [
            error_from_entry(entry.error)
            if entry.HasField("error")
            else candidates_from_proto(entry.response)
            for entry in reply.entries
        ]

    request = pb2.BatchRetrieveRequest(requests=sent)
    return Call(RETRIEVAL, "BatchRetrieve", request, pb2.BatchRetrieveResponse, convert)


def similar_users(
    user: str = "",
    *,
    history: History = (),
    features: Mapping[str, FeatureValue] | None = None,
    count: int = 0,
    exclude: Sequence[str] = (),
    model: str = "",
    catalog: str = "",
) -> Call[SimilarUsers]:
    """Return the users most like a user, by id, by history and by features; count 0: 100."""
    request = similar_users_to_proto(user, history, features or {}, count, exclude, model, catalog)
    reply = pb2.SimilarUsersResponse
    return Call(RETRIEVAL, "SimilarUsers", request, reply, similar_users_from_proto)


def embed(
    queries: Sequence[Query] = (),
    *,
    users: Sequence[str] = (),
    model: str = "",
    catalog: str = "",
) -> Call[Embeddings]:
    """Return one vector a query, or a user; queries come first when both are given."""
    asked = [*queries, *(Query(user=user) for user in users)]
    request = pb2.EmbedRequest(
        catalog=catalog, model=model, queries=[query_to_proto(query) for query in asked]
    )
    return Call(RETRIEVAL, "Embed", request, pb2.EmbedResponse, embeddings_from_proto)
