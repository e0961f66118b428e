"""Every reason has a number on the wire and words at the client."""

from typing import get_args

import pytest

from shortlist.client import LeftOutRows
from shortlist.client.conversion import from_proto
from shortlist.server.domain import left_out
from shortlist.server.rpc.left_out_messages import left_out_to_proto
from shortlist.v1 import model_service_pb2 as pb2


@pytest.mark.parametrize("reason", get_args(left_out.LeftOutReason))
@pytest.mark.parametrize("source", get_args(left_out.LeftOutSource))
def test_a_count_arrives_as_it_was_made(
    source: left_out.LeftOutSource, reason: left_out.LeftOutReason
) -> None:
    (sent,) = left_out_to_proto([left_out.LeftOutRows(source, reason, 3112)])
    received = from_proto(sent, LeftOutRows)
    assert received == LeftOutRows(source, reason, 3112)
    assert reason not in str(received), "a reason without words is shown by its name"
    assert str(received).endswith("left out")


def test_every_number_of_the_contract_is_used() -> None:
    for enum, names in (
        (pb2.LeftOutReason, get_args(left_out.LeftOutReason)),
        (pb2.LeftOutSource, get_args(left_out.LeftOutSource)),
    ):
        assert len(enum.keys()) == len(names) + 1


def test_one_row_reads_like_one() -> None:
    assert str(LeftOutRows("interactions", "no_item", 3112)) == (
        "3,112 rows without an item id left out"
    )
    assert str(LeftOutRows("users", "no_id", 1)) == "users: 1 row without an id left out"
