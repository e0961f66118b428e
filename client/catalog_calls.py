"""The calls of CatalogService: what is sent, and what the answer becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shortlist.client.call import CATALOGS, Call
from shortlist.client.conversion import from_proto
from shortlist.client.hidden import HiddenCounts, HiddenItemPage
from shortlist.v1 import catalog_service_pb2 as pb2


def hide_items(item_ids: Sequence[str], *, catalog: str = "") -> Call[HiddenCounts]:
    """Hide items: no retrieval that begins after this returns them, until they are shown again."""
    request = pb2.HideItemsRequest(catalog=catalog, item_ids=item_ids)
    return Call(CATALOGS, "HideItems", request, pb2.HideItemsResponse, _counts)


def show_items(item_ids: Sequence[str], *, catalog: str = "") -> Call[HiddenCounts]:
    """Show hidden items again; FailedPrecondition (ITEM_DELETED) where one of them is deleted."""
    request = pb2.ShowItemsRequest(catalog=catalog, item_ids=item_ids)
    return Call(CATALOGS, "ShowItems", request, pb2.ShowItemsResponse, _counts)


def delete_items(item_ids: Sequence[str], *, catalog: str = "") -> Call[HiddenCounts]:
    """Delete items for good: never returned again, left out of every later training."""
    request = pb2.DeleteItemsRequest(catalog=catalog, item_ids=item_ids)
    return Call(CATALOGS, "DeleteItems", request, pb2.DeleteItemsResponse, _counts)


def hidden_items(
    *, page_size: int = 0, page_token: str = "", catalog: str = ""
) -> Call[HiddenItemPage]:
    """Return what is hidden or deleted, by item id."""
    request = pb2.ListHiddenItemsRequest(
        catalog=catalog, page_size=page_size, page_token=page_token
    )
    reply = pb2.ListHiddenItemsResponse
    return Call(
        CATALOGS, "ListHiddenItems", request, reply, lambda r: from_proto(r, HiddenItemPage)
    )


def _counts(reply: Any) -> HiddenCounts:
    return from_proto(reply.counts, HiddenCounts)
