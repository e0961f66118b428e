"""Hidden items: from the wire to the domain and back."""

from typing import TypeAlias

from shortlist.core.data.vocabulary import ID_BYTES_MAX
from shortlist.server.artifacts.hidden import HiddenItems
from shortlist.server.operations.hiding import HiddenPage
from shortlist.server.rpc.fields import (
    catalog_from_text,
    check_length,
    ids_from_proto,
)
from shortlist.server.rpc.pages import Page, page_from_proto
from shortlist.v1 import catalog_service_pb2 as pb2

IDS_MAX = 10_000

ItemsRequest: TypeAlias = pb2.HideItemsRequest | pb2.ShowItemsRequest | pb2.DeleteItemsRequest


def items_from_proto(request: ItemsRequest) -> tuple[str, tuple[str, ...]]:
    """Return (catalog, item ids)."""
    check_length("item_ids", len(request.item_ids), 1, IDS_MAX)
    ids = ids_from_proto("item_ids", request.item_ids, IDS_MAX)
    return catalog_from_text(request.catalog), ids


def hidden_page_from_proto(request: pb2.ListHiddenItemsRequest) -> tuple[str, Page]:
    """Return (catalog, page); the token is an item id."""
    page = page_from_proto(request.page_size, request.page_token, ID_BYTES_MAX)
    return catalog_from_text(request.catalog), page


def counts_to_proto(hidden: HiddenItems) -> pb2.HiddenCounts:
    """Return how many items are hidden."""
    return pb2.HiddenCounts(
        hidden_count=len(hidden.hidden),
        deleted_count=len(hidden.deleted),
        generation=hidden.generation,
    )


def hidden_page_to_proto(page: HiddenPage) -> pb2.ListHiddenItemsResponse:
    """Return one page of the list."""
    items = [pb2.HiddenItem(item_id=item_id, deleted=deleted) for item_id, deleted in page.items]
    return pb2.ListHiddenItemsResponse(
        items=items, next_page_token=page.next_token, counts=counts_to_proto(page.whole)
    )
