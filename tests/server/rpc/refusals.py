"""Calls that a server refuses, and what it must say of why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import query_pb2 as q
from tests.server.rpc.sockets import Refusal, refusal_of

USER = q.Query(user=q.UserQuery(user_id="u001"))


def refused(call: Callable[[], Any]) -> Refusal:
    with pytest.raises(grpc.RpcError) as failure:
        call()
    return refusal_of(failure.value)


def check(found: Refusal, code: str, reason: str) -> None:
    assert (found.code, found.reason) == (code, reason), found
    assert found.retry == (code in ("RESOURCE_EXHAUSTED", "UNAVAILABLE"))
    of_fields = "FIELD_INVALID EMBEDDING_DIMENSION FILTER_SYNTAX FILTER_UNKNOWN_FIELD"
    assert bool(found.fields) == (reason in of_fields.split())


def train(uri: str, **fields: Any) -> m.TrainRequest:
    source = m.InteractionSource(source=m.DataSource(uri=uri))
    return m.TrainRequest(interactions=source, **fields)


def write_events(folder: Path) -> str:
    path = folder / "events.parquet"
    pq.write_table(pa.table({"user_id": ["u"], "item_id": ["i"]}), path)
    return str(path)
