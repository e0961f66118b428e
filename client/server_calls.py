"""The call of ServerService: what the server is."""

from __future__ import annotations

from dataclasses import dataclass

from shortlist.client.call import SERVERS, Call
from shortlist.client.conversion import from_proto
from shortlist.v1 import server_service_pb2 as pb2


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The program that answers."""

    version: str
    commit: str  # empty: not known
    contract_revision: int  # this client's: shortlist.v1.CONTRACT_REVISION
    algorithms: tuple[str, ...]  # what it can train
    extras: tuple[str, ...]  # optional parts that are installed


def server_info() -> Call[ServerInfo]:
    """Return which release answers, built from what, and what it can do."""
    request, reply = pb2.GetServerInfoRequest(), pb2.ServerInfo
    return Call(SERVERS, "GetServerInfo", request, reply, lambda r: from_proto(r, ServerInfo))
