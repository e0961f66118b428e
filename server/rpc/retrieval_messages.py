"""Embed, Retrieve and BatchRetrieve: from the wire to the domain and back."""

from collections.abc import Sequence

from shortlist.server.domain.names import ALIAS_DEFAULT
from shortlist.server.domain.query import (
    COUNT_DEFAULT,
    COUNT_MAX,
    Candidates,
    Embedded,
    EmbedQuery,
    RetrieveQuery,
    SearchMode,
)
from shortlist.server.errors import BatchTooLarge, FieldInvalid
from shortlist.server.retrieval.batch import Entry, Outcome
from shortlist.server.rpc.diversity_messages import diversity_from_proto
from shortlist.server.rpc.errors import code_and_reason, log_bug, message_of, metadata_of
from shortlist.server.rpc.fields import (
    EXCLUDED_MAX,
    catalog_from_text,
    check_finite,
    enum_name,
    float_in,
    ids_from_proto,
    int_in,
    name_from_text,
)
from shortlist.server.rpc.query_messages import ORIGIN_TO_PROTO, query_from_proto
from shortlist.server.rpc.reason_messages import contributions_max_from_proto, reasons_to_proto
from shortlist.server.rpc.restriction_messages import (
    freshness_from_proto,
    restrictions_from_proto,
)
from shortlist.v1 import retrieval_service_pb2 as pb2

QUERIES_MAX = 1000
REQUESTS_MAX = 1000
CANDIDATES_MAX = 100_000
INTERESTS_MAX = 8
NAMED_MAX = 2_000_000  # candidates and contributions of a batch: some 40 MB, and as many objects

_MODES = {
    pb2.SEARCH_MODE_UNSPECIFIED: SearchMode.AUTO.value,
    pb2.SEARCH_MODE_EXACT: SearchMode.EXACT.value,
    pb2.SEARCH_MODE_APPROXIMATE: SearchMode.APPROXIMATE.value,
    pb2.SEARCH_MODE_PRECOMPUTED: SearchMode.PRECOMPUTED.value,
}
_MODE_TO_PROTO = {
    SearchMode.EXACT: pb2.SEARCH_MODE_EXACT,
    SearchMode.APPROXIMATE: pb2.SEARCH_MODE_APPROXIMATE,
    SearchMode.PRECOMPUTED: pb2.SEARCH_MODE_PRECOMPUTED,
}


def embed_query_from_proto(request: pb2.EmbedRequest) -> EmbedQuery:
    """Return the queries of an Embed."""
    _check_batch("queries", len(request.queries), QUERIES_MAX)
    return EmbedQuery(
        catalog=catalog_from_text(request.catalog),
        model=name_from_text("model", request.model, ALIAS_DEFAULT),
        queries=tuple(query_from_proto(q, f"queries[{i}]") for i, q in enumerate(request.queries)),
    )


def embedded_to_proto(model: str, embedded: list[Embedded]) -> pb2.EmbedResponse:
    """Return the vectors in the order asked."""
    entries = [
        pb2.EmbeddedQuery(
            values=[] if one.values is None else one.values.tolist(),
            origin=ORIGIN_TO_PROTO[one.origin],
            missing_ids=one.missing_ids,
        )
        for one in embedded
    ]
    return pb2.EmbedResponse(model=model, embeddings=entries)


def retrieve_query_from_proto(request: pb2.RetrieveRequest) -> RetrieveQuery:
    """Return one retrieval."""
    if not request.HasField("query"):
        raise FieldInvalid("query", "is required")
    min_score = None
    if request.HasField("min_score"):
        min_score = check_finite("min_score", request.min_score)
    count = int_in("count", request.count, 0, COUNT_MAX) or COUNT_DEFAULT
    return RetrieveQuery(
        query=query_from_proto(request.query, "query"),
        catalog=catalog_from_text(request.catalog),
        model=name_from_text("model", request.model, ALIAS_DEFAULT),
        count=count,
        exclude_item_ids=ids_from_proto("exclude_item_ids", request.exclude_item_ids, EXCLUDED_MAX),
        include_seen=request.include_seen,
        candidate_item_ids=ids_from_proto(
            "candidate_item_ids", request.candidate_item_ids, CANDIDATES_MAX
        ),
        mode=SearchMode(enum_name("mode", request.mode, _MODES)),
        export_id=_export_from_proto(request),
        min_score=min_score,
        require_personalized=request.require_personalized,
        diversity=diversity_from_proto(request.diversity, count),
        popularity_damping=float_in("popularity_damping", request.popularity_damping, 0, 1),
        interests=_interests_from_proto(request),
        contributions_max=contributions_max_from_proto(request, count),
        restrictions=restrictions_from_proto(request),
        freshness=freshness_from_proto(request),
    )


def candidates_to_proto(candidates: Candidates) -> pb2.RetrieveResponse:
    """Return the candidates as two columns."""
    return pb2.RetrieveResponse(
        item_ids=candidates.item_ids,
        scores=candidates.scores,
        model=candidates.model,
        origin=ORIGIN_TO_PROTO[candidates.origin],
        missing_ids=candidates.missing_ids,
        search=pb2.SearchReport(
            mode=_MODE_TO_PROTO[candidates.search.mode],
            eligible_items=candidates.search.eligible_items,
            scored_items=candidates.search.scored_items,
        ),
        reasons=reasons_to_proto(candidates.reasons),
        interests=[
            pb2.Interest(medoid_item_id=interest.medoid_item_id, item_count=interest.item_count)
            for interest in candidates.interests
        ],
        interest_of=candidates.interest_of,
    )


def retrieve_queries_from_proto(request: pb2.BatchRetrieveRequest) -> list[Entry]:
    """Return each entry's retrieval, or why it is none: entries fail alone.

    Raises BatchTooLarge where they ask for more together than one reply should carry.
    """
    _check_batch("requests", len(request.requests), REQUESTS_MAX)
    entries = [_entry_from_proto(one) for one in request.requests]
    asked = [one for one in entries if isinstance(one, RetrieveQuery)]
    named = sum(one.count * (1 + one.contributions_max) for one in asked)
    if named > NAMED_MAX:
        problem = f"requests ask for {named} candidates and contributions; at most {NAMED_MAX}"
        found = {"field": "requests", "found": named, "limit": NAMED_MAX}
        raise BatchTooLarge(f"{problem} are allowed in one call", **found)
    return entries


def outcomes_to_proto(outcomes: Sequence[Outcome]) -> pb2.BatchRetrieveResponse:
    """Return what became of each entry, in order."""
    entries = [
        entry_error_to_proto(one, i)
        if isinstance(one, Exception)
        else pb2.BatchRetrieveEntry(response=candidates_to_proto(one))
        for i, one in enumerate(outcomes)
    ]
    return pb2.BatchRetrieveResponse(entries=entries)


def entry_error_to_proto(error: Exception, entry: int) -> pb2.BatchRetrieveEntry:
    """Return why one entry of a batch failed; a field's path starts at the batch."""
    path = f"requests[{entry}]"
    if isinstance(error, FieldInvalid):
        facts = {key: value for key, value in error.metadata.items() if key != "field"}
        error = type(error)(f"{path}.{error.field}", error.problem, **facts)
    log_bug(error, f"BatchRetrieve {path}")
    code, reason = code_and_reason(error)
    return pb2.BatchRetrieveEntry(
        error=pb2.EntryError(
            code=code.value[0],
            reason=reason,
            message=message_of(error),
            metadata=metadata_of(error),
        )
    )


def _export_from_proto(request: pb2.RetrieveRequest) -> str:
    if not request.export_id:
        return ""
    if request.mode != pb2.SEARCH_MODE_PRECOMPUTED:
        raise FieldInvalid("export_id", "needs the mode SEARCH_MODE_PRECOMPUTED")
    return name_from_text("export_id", request.export_id)


def _interests_from_proto(request: pb2.RetrieveRequest) -> int:
    most = int_in("interests", request.interests, 0, INTERESTS_MAX)
    if most > 1 and request.query.WhichOneof("target") != "user":
        raise FieldInvalid("interests", "needs a user query: only a history has parts", found=most)
    return most


def _entry_from_proto(request: pb2.RetrieveRequest) -> Entry:
    try:
        return retrieve_query_from_proto(request)
    except FieldInvalid as error:
        return error


def _check_batch(path: str, length: int, most: int) -> None:
    if not length:
        raise FieldInvalid(path, f"is empty; 1 to {most} entries are allowed")
    if length > most:
        problem = f"{path} has {length} entries; at most {most} are allowed in one call"
        raise BatchTooLarge(problem, field=path, found=length, limit=most)
