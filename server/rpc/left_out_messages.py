"""Rows that were not used, on the wire."""

from collections.abc import Sequence

from shortlist.server.domain.left_out import LeftOutRows
from shortlist.v1 import model_service_pb2 as pb2

_SOURCES = {
    "interactions": pb2.LEFT_OUT_SOURCE_INTERACTIONS,
    "test_interactions": pb2.LEFT_OUT_SOURCE_TEST_INTERACTIONS,
    "items": pb2.LEFT_OUT_SOURCE_ITEMS,
    "users": pb2.LEFT_OUT_SOURCE_USERS,
}
_REASONS = {
    "no_user": pb2.LEFT_OUT_REASON_NO_USER,
    "no_item": pb2.LEFT_OUT_REASON_NO_ITEM,
    "no_id": pb2.LEFT_OUT_REASON_NO_ID,
    "no_value": pb2.LEFT_OUT_REASON_NO_VALUE,
    "no_time": pb2.LEFT_OUT_REASON_NO_TIME,
    "deleted_item": pb2.LEFT_OUT_REASON_DELETED_ITEM,
    "value_below_min": pb2.LEFT_OUT_REASON_VALUE_BELOW_MIN,
    "rare_user": pb2.LEFT_OUT_REASON_RARE_USER,
    "rare_item": pb2.LEFT_OUT_REASON_RARE_ITEM,
    "unknown_item": pb2.LEFT_OUT_REASON_UNKNOWN_ITEM,
    "not_shared": pb2.LEFT_OUT_REASON_NOT_SHARED,
}


def left_out_to_proto(rows: Sequence[LeftOutRows]) -> list[pb2.LeftOutRows]:
    """Return the counts."""
    return [
        pb2.LeftOutRows(
            source=_SOURCES[each.source], reason=_REASONS[each.reason], count=each.count
        )
        for each in rows
    ]
