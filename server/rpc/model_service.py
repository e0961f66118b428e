"""ModelService: decode, do, encode."""

import threading
from collections.abc import Callable, Iterator

import grpc

from shortlist.server.operations.evaluations import Evaluations
from shortlist.server.operations.exports import Exports
from shortlist.server.operations.index_exports import IndexExports
from shortlist.server.operations.models import Models
from shortlist.server.operations.trainings import Trainings
from shortlist.server.rpc.evaluation_messages import (
    evaluation_request_from_proto,
    evaluation_to_proto,
)
from shortlist.server.rpc.export_messages import export_request_from_proto, progress_to_proto
from shortlist.server.rpc.index_messages import index_export_from_proto, index_piece_to_proto
from shortlist.server.rpc.job_messages import (
    job_id_from_proto,
    job_page_to_proto,
    job_to_proto,
    jobs_page_from_proto,
)
from shortlist.server.rpc.model_messages import (
    alias_from_proto,
    alias_to_proto,
    aliases_to_proto,
    catalog_from_proto,
    model_id_from_proto,
    model_name_from_proto,
    model_page_to_proto,
    model_to_proto,
    models_page_from_proto,
)
from shortlist.server.rpc.training_messages import training_spec_from_proto
from shortlist.server.rpc.watch import Watches
from shortlist.v1 import model_service_pb2 as pb2
from shortlist.v1 import model_service_pb2_grpc as pb2_grpc

Context = grpc.ServicerContext


class ModelService(pb2_grpc.ModelServiceServicer):
    """Trains models and says which one serves."""

    def __init__(
        self,
        models: Models,
        trainings: Trainings,
        evaluations: Evaluations,
        exports: Exports,
        index_exports: IndexExports,
        watches: Watches,
        draining: threading.Event,
    ) -> None:
        self._models = models
        self._evaluations = evaluations
        self._exports = exports
        self._index_exports = index_exports
        self._trainings = trainings
        self._watches = watches
        self._draining = draining

    def Train(self, request: pb2.TrainRequest, context: Context) -> pb2.TrainingJob:
        spec = training_spec_from_proto(request)
        return job_to_proto(self._trainings.submit(spec))

    def WatchTrainingJob(
        self, request: pb2.WatchTrainingJobRequest, context: Context
    ) -> Iterator[pb2.TrainingJob]:
        job_id = job_id_from_proto(request)
        yield from map(job_to_proto, self._watches.watch(job_id, context))

    def GetTrainingJob(
        self, request: pb2.GetTrainingJobRequest, context: Context
    ) -> pb2.TrainingJob:
        return job_to_proto(self._trainings.get(job_id_from_proto(request)))

    def ListTrainingJobs(
        self, request: pb2.ListTrainingJobsRequest, context: Context
    ) -> pb2.ListTrainingJobsResponse:
        catalog, page = jobs_page_from_proto(request)
        return job_page_to_proto(*self._trainings.page(catalog, page.size, page.token))

    def CancelTrainingJob(
        self, request: pb2.CancelTrainingJobRequest, context: Context
    ) -> pb2.TrainingJob:
        return job_to_proto(self._trainings.cancel(job_id_from_proto(request)))

    def GetModel(self, request: pb2.GetModelRequest, context: Context) -> pb2.Model:
        catalog, name, is_full = model_name_from_proto(request)
        return model_to_proto(self._models.get(catalog, name), is_full)

    def ListModels(
        self, request: pb2.ListModelsRequest, context: Context
    ) -> pb2.ListModelsResponse:
        catalog, page, is_full = models_page_from_proto(request)
        return model_page_to_proto(*self._models.page(catalog, page.size, page.token), is_full)

    def DeleteModel(
        self, request: pb2.DeleteModelRequest, context: Context
    ) -> pb2.DeleteModelResponse:
        catalog, model_id = model_id_from_proto(request)
        self._models.delete(catalog, model_id)
        return pb2.DeleteModelResponse()

    def EvaluateModel(self, request: pb2.EvaluateModelRequest, context: Context) -> pb2.Evaluation:
        evaluation = evaluation_request_from_proto(request)
        return evaluation_to_proto(self._evaluations.evaluate(evaluation, self._is_wanted(context)))

    def ExportCandidates(
        self, request: pb2.ExportCandidatesRequest, context: Context
    ) -> Iterator[pb2.ExportProgress]:
        export = export_request_from_proto(request)
        progress = self._exports.export(export, self._is_wanted(context))
        yield from map(progress_to_proto, progress)

    def ExportIndex(
        self, request: pb2.ExportIndexRequest, context: Context
    ) -> Iterator[pb2.IndexPiece]:
        catalog, name = index_export_from_proto(request)
        yield from map(index_piece_to_proto, self._index_exports.export(catalog, name))

    def SetAlias(self, request: pb2.SetAliasRequest, context: Context) -> pb2.Alias:
        catalog, name, model_id = alias_from_proto(request)
        return alias_to_proto(self._models.set_alias(catalog, name, model_id))

    def ListAliases(
        self, request: pb2.ListAliasesRequest, context: Context
    ) -> pb2.ListAliasesResponse:
        return aliases_to_proto(self._models.aliases(catalog_from_proto(request)))

    def _is_wanted(self, context: Context) -> Callable[[], bool]:
        """Return what tells whether long work goes on: its caller waits, and the server stays."""
        return lambda: context.is_active() and not self._draining.is_set()
