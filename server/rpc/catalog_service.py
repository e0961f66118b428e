"""CatalogService: decode, do, encode."""

import grpc

from shortlist.server.operations.hiding import Hiding
from shortlist.server.rpc.catalog_messages import (
    counts_to_proto,
    hidden_page_from_proto,
    hidden_page_to_proto,
    items_from_proto,
)
from shortlist.v1 import catalog_service_pb2 as pb2
from shortlist.v1 import catalog_service_pb2_grpc as pb2_grpc

Context = grpc.ServicerContext


class CatalogService(pb2_grpc.CatalogServiceServicer):
    """Says which items must not be returned."""

    def __init__(self, hiding: Hiding) -> None:
        self._hiding = hiding

    def HideItems(self, request: pb2.HideItemsRequest, context: Context) -> pb2.HideItemsResponse:
        hidden = self._hiding.hide(*items_from_proto(request))
        return pb2.HideItemsResponse(counts=counts_to_proto(hidden))

    def ShowItems(self, request: pb2.ShowItemsRequest, context: Context) -> pb2.ShowItemsResponse:
        hidden = self._hiding.show(*items_from_proto(request))
        return pb2.ShowItemsResponse(counts=counts_to_proto(hidden))

    def DeleteItems(
        self, request: pb2.DeleteItemsRequest, context: Context
    ) -> pb2.DeleteItemsResponse:
        hidden = self._hiding.delete(*items_from_proto(request))
        return pb2.DeleteItemsResponse(counts=counts_to_proto(hidden))

    def ListHiddenItems(
        self, request: pb2.ListHiddenItemsRequest, context: Context
    ) -> pb2.ListHiddenItemsResponse:
        catalog, page = hidden_page_from_proto(request)
        return hidden_page_to_proto(self._hiding.page(catalog, page.size, page.token))
