"""RetrievalService: decode, do, encode."""

import grpc

from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.recall_monitor import RecallMonitor
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.retrieval.similar_users import similar_users
from shortlist.server.rpc.retrieval_messages import (
    candidates_to_proto,
    embed_query_from_proto,
    embedded_to_proto,
    outcomes_to_proto,
    retrieve_queries_from_proto,
    retrieve_query_from_proto,
)
from shortlist.server.rpc.similar_users_messages import (
    similar_users_query_from_proto,
    similar_users_to_proto,
)
from shortlist.server.serving.hidden import HiddenLists
from shortlist.server.serving.slots import Slots
from shortlist.v1 import retrieval_service_pb2 as pb2
from shortlist.v1 import retrieval_service_pb2_grpc as pb2_grpc


class RetrievalService(pb2_grpc.RetrievalServiceServicer):
    """Answers from whichever models the slots hold; a call keeps the model it began with."""

    def __init__(self, slots: Slots, hidden: HiddenLists, monitor: RecallMonitor) -> None:
        self._slots = slots
        self._hidden = hidden
        self._monitor = monitor

    def Embed(self, request: pb2.EmbedRequest, context: grpc.ServicerContext) -> pb2.EmbedResponse:
        query = embed_query_from_proto(request)
        model = self._slots.model(query.catalog, query.model)
        return embedded_to_proto(model.model_id, embed(model, query.queries))

    def Retrieve(
        self, request: pb2.RetrieveRequest, context: grpc.ServicerContext
    ) -> pb2.RetrieveResponse:
        query = retrieve_query_from_proto(request)
        model = self._slots.model(query.catalog, query.model)
        found = retrieve(model, query, self._hidden.of, self._monitor.observe)
        return candidates_to_proto(found)

    def BatchRetrieve(
        self, request: pb2.BatchRetrieveRequest, context: grpc.ServicerContext
    ) -> pb2.BatchRetrieveResponse:
        batch = retrieve_queries_from_proto(request)
        models, hidden, observe = self._slots.model, self._hidden.of, self._monitor.observe
        return outcomes_to_proto(retrieve_each(models, batch, hidden, observe))

    def SimilarUsers(
        self, request: pb2.SimilarUsersRequest, context: grpc.ServicerContext
    ) -> pb2.SimilarUsersResponse:
        query = similar_users_query_from_proto(request)
        model = self._slots.model(query.catalog, query.model)
        return similar_users_to_proto(similar_users(model, query))
