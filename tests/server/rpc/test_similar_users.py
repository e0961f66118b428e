"""SimilarUsers over a real socket, and its fields."""

from pathlib import Path

import pytest

from shortlist.server.domain.query import SimilarUsersQuery, UserQuery
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.similar_users_messages import similar_users_query_from_proto
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.published import publish
from tests.server.rpc.sockets import connected, settings_for

USER = q.UserQuery(user_id="u001")


def test_a_call_is_answered(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    publish(settings.data.dir, "a", alias="live")
    with connected(settings) as connection:
        reply = connection.retrieval.SimilarUsers(r.SimilarUsersRequest(user=USER, count=3))
    assert len(reply.user_ids) == len(reply.scores) == 3
    assert "u001" not in reply.user_ids
    assert (reply.model, reply.origin) == ("a", q.ORIGIN_STORED)


def test_every_field_arrives() -> None:
    request = r.SimilarUsersRequest(
        catalog="pins", model="blue", user=USER, count=7, exclude_user_ids=["v"]
    )
    assert similar_users_query_from_proto(request) == SimilarUsersQuery(
        UserQuery("u001"), "pins", "blue", 7, ("v",)
    )


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, "user"),
        ({"user": q.UserQuery()}, "user"),
        ({"user": q.UserQuery(history=[q.Event()])}, "user.history[0].item_id"),
        ({"user": USER, "count": 10_001}, "count"),
        ({"user": USER, "exclude_user_ids": ["a", ""]}, "exclude_user_ids[1]"),
        ({"user": USER, "catalog": "No"}, "catalog"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, object], path: str) -> None:
    with pytest.raises(FieldInvalid) as failure:
        similar_users_query_from_proto(r.SimilarUsersRequest(**fields))  # type: ignore[arg-type]
    assert failure.value.field == path
