"""One call of the contract, written once: what is sent, and what the answer becomes.

The functions of the *_calls.py build a Call; Shortlist runs it, AsyncShortlist awaits it. An empty
`catalog` means the client's own, an empty `model` the alias "live".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

T = TypeVar("T")
RETRIEVAL, MODELS = "shortlist.v1.RetrievalService", "shortlist.v1.ModelService"
CATALOGS, SERVERS = "shortlist.v1.CatalogService", "shortlist.v1.ServerService"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call: where it goes, what is sent, what the reply becomes."""

    service: str
    method: str
    request: Message
    reply: type[Message]
    convert: Callable[[Any], T]
    is_last: Callable[[T], bool] | None = None  # of a stream: whether a reply ends it
    repeatable: bool = True  # doing it twice is doing it once, so it may be tried again


def fill_catalog(request: Any, catalog: str) -> None:
    """Ask the client's own catalog where a request names none."""
    for one in getattr(request, "requests", [request]):
        if catalog and getattr(one, "catalog", None) == "":
            one.catalog = catalog
