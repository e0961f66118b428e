"""A worker's server in this process, on a free port over a temporary data folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from shortlist.server.config import Settings, with_overrides
from shortlist.server.processes.worker import make_server
from shortlist.server.rpc.grpc_server import GrpcServer
from shortlist.server.serving.serving_model import ServingModel, load_serving_model
from shortlist.v1.catalog_service_pb2_grpc import CatalogServiceStub
from shortlist.v1.model_service_pb2_grpc import ModelServiceStub
from shortlist.v1.retrieval_service_pb2_grpc import RetrievalServiceStub


@dataclass(frozen=True)
class Connection:
    """A server and a client of it."""

    server: GrpcServer
    target: str
    folder: Path  # the one data root
    channel: grpc.Channel
    models: ModelServiceStub
    retrieval: RetrievalServiceStub
    catalogs: CatalogServiceStub


@dataclass(frozen=True)
class Refusal:
    """What a client can read from a failed call."""

    code: str
    message: str
    reason: str
    metadata: dict[str, str]
    fields: list[str]  # of BadRequest
    retry: bool  # whether there is a RetryInfo


def settings_for(folder: Path, queue_max: int = 100, **limits: int) -> Settings:
    settings = with_overrides(Settings(), "server", port=0)
    settings = with_overrides(settings, "data", dir=folder / "data", roots=(str(folder),))
    settings = with_overrides(settings, "training", queue_max=queue_max)
    return with_overrides(settings, "limits", **limits)


@contextmanager
def connected(
    settings: Settings,
    load: Callable[[Path], ServingModel] = load_serving_model,
    loaded: bool = True,
) -> Iterator[Connection]:
    """Yield a client of a started server; loaded=False: still in the state before models load."""
    settings.data.dir.mkdir(parents=True, exist_ok=True)
    server = make_server(settings, load)
    port = server.open_port()
    if loaded:
        server.load_models()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Connection(
                server,
                f"127.0.0.1:{port}",
                Path(settings.data.roots[0]),
                channel,
                ModelServiceStub(channel),
                RetrievalServiceStub(channel),
                CatalogServiceStub(channel),
            )
    finally:
        server.stop(drain_s=5.0)


def refusal_of(error: grpc.RpcError) -> Refusal:
    """Return the status details of a failed call."""
    status = rpc_status.from_call(error)
    assert status is not None, f"no details: {error}"
    info = _unpacked(status, error_details_pb2.ErrorInfo)
    request = _unpacked(status, error_details_pb2.BadRequest)
    retry = _unpacked(status, error_details_pb2.RetryInfo)
    assert info is not None
    assert info.domain == "shortlist"
    return Refusal(
        code=error.code().name,
        message=status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        fields=[] if request is None else [one.field for one in request.field_violations],
        retry=retry is not None,
    )


def _unpacked(status: Any, kind: Any) -> Any:
    message = kind()
    return next((message for packed in status.details if packed.Unpack(message)), None)
