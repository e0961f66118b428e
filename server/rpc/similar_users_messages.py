"""SimilarUsers: from the wire to the domain and back."""

from shortlist.server.domain.names import ALIAS_DEFAULT
from shortlist.server.domain.query import (
    COUNT_DEFAULT,
    COUNT_MAX,
    SimilarUsers,
    SimilarUsersQuery,
)
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.fields import (
    EXCLUDED_MAX,
    catalog_from_text,
    ids_from_proto,
    int_in,
    name_from_text,
)
from shortlist.server.rpc.query_messages import ORIGIN_TO_PROTO, user_query_from_proto
from shortlist.v1 import retrieval_service_pb2 as pb2


def similar_users_query_from_proto(request: pb2.SimilarUsersRequest) -> SimilarUsersQuery:
    """Return whom to find similar users for."""
    if not request.HasField("user"):
        raise FieldInvalid("user", "is required")
    return SimilarUsersQuery(
        user=user_query_from_proto(request.user, "user"),
        catalog=catalog_from_text(request.catalog),
        model=name_from_text("model", request.model, ALIAS_DEFAULT),
        count=int_in("count", request.count, 0, COUNT_MAX) or COUNT_DEFAULT,
        exclude_user_ids=ids_from_proto("exclude_user_ids", request.exclude_user_ids, EXCLUDED_MAX),
    )


def similar_users_to_proto(similar: SimilarUsers) -> pb2.SimilarUsersResponse:
    """Return the users as two columns."""
    return pb2.SimilarUsersResponse(
        user_ids=similar.user_ids,
        scores=similar.scores,
        model=similar.model,
        origin=ORIGIN_TO_PROTO[similar.origin],
        missing_ids=similar.missing_ids,
    )
