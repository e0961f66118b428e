"""ServerService: what this server is."""

import grpc

from shortlist.server.operations.installation import installation
from shortlist.v1 import CONTRACT_REVISION, model_service_pb2
from shortlist.v1 import server_service_pb2 as pb2
from shortlist.v1 import server_service_pb2_grpc as pb2_grpc

_ALGORITHM = model_service_pb2.TrainRequest.DESCRIPTOR.oneofs_by_name["algorithm"]


class ServerService(pb2_grpc.ServerServiceServicer):
    """Says what this server is."""

    def GetServerInfo(
        self, request: pb2.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> pb2.ServerInfo:
        installed = installation()
        return pb2.ServerInfo(
            version=installed.version,
            commit=installed.commit,
            contract_revision=CONTRACT_REVISION,
            algorithms=[field.name for field in _ALGORITHM.fields],
            extras=installed.extras,
        )
