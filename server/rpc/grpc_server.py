"""The grpc server of one worker: pools, options, services, health, reflection, drain."""

import time

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from shortlist.core.errors import SettingInvalid
from shortlist.server.config import Settings
from shortlist.server.operations.evaluations import Evaluations
from shortlist.server.operations.exports import Exports
from shortlist.server.operations.hiding import Hiding
from shortlist.server.operations.index_exports import IndexExports
from shortlist.server.operations.models import Models
from shortlist.server.operations.trainings import Trainings
from shortlist.server.retrieval.recall_monitor import RecallMonitor
from shortlist.server.rpc.catalog_service import CatalogService
from shortlist.server.rpc.health_service import HealthService
from shortlist.server.rpc.interceptors import CountingPool, Gate
from shortlist.server.rpc.model_service import ModelService
from shortlist.server.rpc.retrieval_service import RetrievalService
from shortlist.server.rpc.server_service import ServerService
from shortlist.server.rpc.watch import Watches
from shortlist.server.serving.hidden import HiddenLists
from shortlist.server.serving.slots import Slots
from shortlist.v1 import (
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    model_service_pb2,
    model_service_pb2_grpc,
    retrieval_service_pb2,
    retrieval_service_pb2_grpc,
    server_service_pb2,
    server_service_pb2_grpc,
)

RETRIEVAL = retrieval_service_pb2.DESCRIPTOR.services_by_name["RetrievalService"].full_name
MODEL = model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name
CATALOG = catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name
SERVER = server_service_pb2.DESCRIPTOR.services_by_name["ServerService"].full_name
MODEL_THREADS = 4  # beside those that watches, evaluations and exports hold
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_SERVING = health_pb2.HealthCheckResponse.SERVING


class GrpcServer:
    """One worker's server; `start` once, `stop` once."""

    def __init__(
        self,
        settings: Settings,
        slots: Slots,
        models: Models,
        trainings: Trainings,
        evaluations: Evaluations,
        exports: Exports,
        index_exports: IndexExports,
        hidden: HiddenLists,
        hiding: Hiding,
        monitor: RecallMonitor,
    ) -> None:
        limits = settings.limits
        self._settings = settings
        self._slots = slots
        self._hidden = hidden
        self._monitor = monitor
        self._pool = CountingPool(settings.server.threads, "retrieval")
        held_threads = limits.watches_max + limits.evaluations_max
        held_threads += 2 * limits.exports_max  # of candidates and of indexes
        self._model_pool = CountingPool(MODEL_THREADS + held_threads, "model")
        self._gate = Gate(
            self._pool,
            self._model_pool,
            in_flight_max=limits.in_flight_max,
            message_bytes_max=limits.message_bytes_max,
            slow_call_ms=settings.server.slow_call_ms,
            refuses_unknown_fields=settings.server.unknown_fields == "refuse",
        )
        self._server = grpc.server(
            self._pool, interceptors=[self._gate], options=_options(settings)
        )
        self._health = HealthService()
        draining = self._gate.draining
        watches = Watches(trainings, limits.watches_max, draining)
        model_service = ModelService(
            models, trainings, evaluations, exports, index_exports, watches, draining
        )
        retrieval = RetrievalService(slots, hidden, monitor)
        self._add_services(retrieval, model_service, CatalogService(hiding))

    def open_port(self) -> int:
        """Answer on the port and return it; until the models are loaded, with LOADING.

        Raises SettingInvalid when the address cannot be bound.
        """
        server = self._settings.server
        address = f"{server.host}:{server.port}"
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as problem:
            raise SettingInvalid("server.port", address, "a free address of this host") from problem
        self._server.start()
        return port

    def load_models(self) -> None:
        """Load what the aliases name, then serve it and follow the aliases."""
        self._slots.start(self.report_health)
        self.report_health()

    def report_health(self) -> None:
        """Set each service's health: retrieval serves once some catalog has a model."""
        if self._gate.draining.is_set():
            return
        self._health.set(MODEL, _SERVING)
        self._health.set(CATALOG, _SERVING)
        self._health.set(SERVER, _SERVING)
        self._health.set(RETRIEVAL, _SERVING if self._slots.is_serving() else _NOT_SERVING)
        self._health.set("", _SERVING)

    def stop(self, drain_s: float) -> None:
        """Say NOT_SERVING, refuse new calls, let those in flight end within drain_s, then close.

        Exports, evaluations and streams without an end of their own do not get that time.
        """
        self._gate.drain()
        self._health.drain()
        deadline = time.monotonic() + drain_s
        self._server.stop(grace=drain_s).wait(max(0.0, deadline - time.monotonic()) + 1)
        self._slots.stop()
        self._monitor.close()
        self._hidden.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._model_pool.shutdown(wait=False, cancel_futures=True)

    def _add_services(
        self, retrieval: RetrievalService, models: ModelService, catalogs: CatalogService
    ) -> None:
        retrieval_service_pb2_grpc.add_RetrievalServiceServicer_to_server(retrieval, self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(models, self._server)
        catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(catalogs, self._server)
        server_service_pb2_grpc.add_ServerServiceServicer_to_server(ServerService(), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        ours = (RETRIEVAL, MODEL, CATALOG, SERVER)
        for name in ours:
            self._health.set(name, _NOT_SERVING)
        names = (*ours, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        # On by default in grpc, and then a second, unrelated server silently takes connections.
        ("grpc.so_reuseport", 1 if settings.server.workers > 1 else 0),
        # Twice our own limit, so that what is a little too large gets our error with its details.
        ("grpc.max_receive_message_length", 2 * settings.limits.message_bytes_max),
        # Replies are bounded by count and batch size already.
        ("grpc.max_send_message_length", -1),
        # Clients keep idle connections alive through load balancers that drop them after a minute.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ]
