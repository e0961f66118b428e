"""The calls of ModelService: what is sent, and what the answer becomes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shortlist.client.algorithms import ALGORITHMS, Algorithm
from shortlist.client.call import MODELS, Call
from shortlist.client.conversion import enum_to_proto, from_proto, to_proto
from shortlist.client.exports import ExportProgress
from shortlist.client.index_export import IndexPiece, piece_of
from shortlist.client.models import Alias, AliasList, Evaluation, Model, ModelPage
from shortlist.client.progress import Progress
from shortlist.client.training import (
    DataSource,
    EarlyStopping,
    EvaluationSpec,
    Index,
    InteractionSource,
    ItemSource,
    Preparation,
    TrainingJob,
    TrainingJobPage,
    TrainRequest,
    Tuning,
    UserSource,
)
from shortlist.v1 import model_service_pb2 as models_pb2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Training:
    """A training to start, and who sees how it goes: a bar (True), nobody or a function."""

    start: Call[TrainingJob]
    progress: bool | Progress


def start_training(
    interactions: InteractionSource | str,
    items: ItemSource | str | None = None,
    algorithm: Algorithm | None = None,
    *,
    users: UserSource | str | None = None,
    preparation: Preparation | None = None,
    evaluation: EvaluationSpec | None = None,
    model_id: str = "",
    alias: str = "",
    keep_aliases: bool = False,
    request_id: str = "",
    target_recall: float | None = None,
    index: Index | str | None = None,
    early_stopping: EarlyStopping | None = None,
    tuning: Tuning | None = None,
    warm_start_model: str = "",
    catalog: str = "",
) -> Call[TrainingJob]:
    """Have a training accepted and return its job at once; paths are the server's.

    items, users: what is known of them, where the algorithm learns from their attributes.
    index: "auto", "usearch", "lists" or "exact", or an Index where it has options.
    A request_id makes a second call with the same text return the first one's job; without one, the
    call is not tried again when the connection breaks.
    """
    if isinstance(interactions, str):
        interactions = InteractionSource(DataSource(interactions))
    if isinstance(items, str):
        items = ItemSource(DataSource(items))
    if isinstance(users, str):
        users = UserSource(DataSource(users))
    if isinstance(index, str):
        index = Index(index)
    request = TrainRequest(
        catalog=catalog,
        model_id=model_id,
        interactions=interactions,
        items=items,
        users=users,
        preparation=preparation,
        **{name: algorithm for name, kind in ALGORITHMS.items() if isinstance(algorithm, kind)},  # type: ignore[arg-type]
        evaluation=evaluation,
        alias=alias,
        keep_aliases=keep_aliases,
        request_id=request_id,
        target_recall=target_recall,
        index=index,
        early_stopping=early_stopping,
        tuning=tuning,
        warm_start_model=warm_start_model,
    )
    message = to_proto(request, models_pb2.TrainRequest())
    return Call(MODELS, "Train", message, models_pb2.TrainingJob, _job, repeatable=bool(request_id))


def train(
    interactions: InteractionSource | str,
    items: ItemSource | str | None = None,
    algorithm: Algorithm | None = None,
    *,
    progress: bool | Progress = True,
    users: UserSource | str | None = None,
    preparation: Preparation | None = None,
    evaluation: EvaluationSpec | None = None,
    model_id: str = "",
    alias: str = "",
    keep_aliases: bool = False,
    request_id: str = "",
    target_recall: float | None = None,
    index: Index | str | None = None,
    early_stopping: EarlyStopping | None = None,
    tuning: Tuning | None = None,
    warm_start_model: str = "",
    catalog: str = "",
) -> Training:
    """Do what start_training does, show the progress, and return the job once it has succeeded.

    progress: True draws a bar on stderr, False nothing; or a function that gets each job state.
    Without a request_id one is made, so that a broken connection does no harm. Raises
    TrainingFailed when the job ended otherwise. Ctrl-C detaches; the job goes on.
    """
    start = start_training(
        interactions,
        items,
        algorithm,
        users=users,
        preparation=preparation,
        evaluation=evaluation,
        model_id=model_id,
        alias=alias,
        keep_aliases=keep_aliases,
        request_id=request_id or uuid.uuid4().hex,
        target_recall=target_recall,
        index=index,
        early_stopping=early_stopping,
        tuning=tuning,
        warm_start_model=warm_start_model,
        catalog=catalog,
    )
    return Training(start, progress)


def watch(job_id: str) -> Call[TrainingJob]:
    """Yield a job's state whenever it changes, until it has ended; re-attaches by itself."""
    request = models_pb2.WatchTrainingJobRequest(job_id=job_id)
    reply = models_pb2.TrainingJob
    return Call(MODELS, "WatchTrainingJob", request, reply, _job, lambda job: job.has_ended)


def training_job(job_id: str) -> Call[TrainingJob]:
    """Return one job."""
    request = models_pb2.GetTrainingJobRequest(job_id=job_id)
    return Call(MODELS, "GetTrainingJob", request, models_pb2.TrainingJob, _job)


def training_jobs(
    *, page_size: int = 0, page_token: str = "", catalog: str = ""
) -> Call[TrainingJobPage]:
    """Return jobs, newest first."""
    request = models_pb2.ListTrainingJobsRequest(
        catalog=catalog, page_size=page_size, page_token=page_token
    )
    reply = models_pb2.ListTrainingJobsResponse
    return Call(MODELS, "ListTrainingJobs", request, reply, _to(TrainingJobPage))


def cancel_training(job_id: str) -> Call[TrainingJob]:
    """Ask a job to stop: at once when queued, between two epochs when running."""
    request = models_pb2.CancelTrainingJobRequest(job_id=job_id)
    return Call(MODELS, "CancelTrainingJob", request, models_pb2.TrainingJob, _job)


# ---- models -------------------------------------------------------------------------------------


def model(name: str = "", *, view: str = "", catalog: str = "") -> Call[Model]:
    """Return the model that an id or an alias names. view: as in `models`; empty: "full"."""
    request = models_pb2.GetModelRequest(catalog=catalog, model=name, view=_view_to_proto(view))
    return Call(MODELS, "GetModel", request, models_pb2.Model, _to(Model))


def models(
    *, page_size: int = 0, page_token: str = "", view: str = "", catalog: str = ""
) -> Call[ModelPage]:
    """Return the models of a catalog, newest first.

    view: "full", or "basic" without request, losses, evaluation, index and trials; empty: "basic".
    """
    request = models_pb2.ListModelsRequest(
        catalog=catalog, page_size=page_size, page_token=page_token, view=_view_to_proto(view)
    )
    return Call(MODELS, "ListModels", request, models_pb2.ListModelsResponse, _to(ModelPage))


def delete_model(model_id: str, *, catalog: str = "") -> Call[None]:
    """Delete a model that no alias names."""
    request = models_pb2.DeleteModelRequest(catalog=catalog, model_id=model_id)
    reply = models_pb2.DeleteModelResponse
    return Call(MODELS, "DeleteModel", request, reply, lambda _: None, repeatable=False)


def evaluate(
    test_interactions: InteractionSource | str,
    *,
    model: str = "",
    cutoffs: Sequence[int] = (),
    seed: int = 0,
    against: str = "",
    catalog: str = "",
) -> Call[Evaluation]:
    """Measure a model on test data that it was not trained on, beside popularity.

    against: a model to compare with, on the users and items that both know.
    """
    if isinstance(test_interactions, str):
        test_interactions = InteractionSource(DataSource(test_interactions))
    request = models_pb2.EvaluateModelRequest(
        catalog=catalog,
        model=model,
        test_interactions=to_proto(test_interactions, models_pb2.InteractionSource()),
        cutoffs=cutoffs,
        seed=seed,
        baseline_model=against,
    )
    return Call(MODELS, "EvaluateModel", request, models_pb2.Evaluation, _to(Evaluation))


def export_candidates(
    kind: str = "users",
    *,
    count: int = 0,
    include_seen: bool = False,
    export_id: str = "",
    model: str = "",
    catalog: str = "",
) -> Call[ExportProgress]:
    """Write the candidates of all "users", or the related items of all "items", on the server.

    count 0: 100 of each. Yields how far it is; asking again goes on where an earlier call ended.
    """
    request = models_pb2.ExportCandidatesRequest(
        catalog=catalog,
        model=model,
        kind=enum_to_proto(models_pb2.ExportKind.DESCRIPTOR, kind),  # type: ignore[arg-type]
        count=count,
        include_seen=include_seen,
        export_id=export_id,
    )
    return Call(
        MODELS,
        "ExportCandidates",
        request,
        models_pb2.ExportProgress,
        _to(ExportProgress),
        is_last=lambda progress: progress.is_done,
    )


def export_index(model: str = "", *, catalog: str = "") -> Call[IndexPiece]:
    """Yield the graph of a model in pieces: one header, then ids, then bytes of the file."""
    request = models_pb2.ExportIndexRequest(catalog=catalog, model=model)
    reply = models_pb2.IndexPiece
    return Call(MODELS, "ExportIndex", request, reply, piece_of, is_last=lambda _: False)


def set_alias(name: str, model_id: str, *, catalog: str = "") -> Call[Alias]:
    """Point an alias at a model: swap and rollback in one atomic step."""
    request = models_pb2.SetAliasRequest(catalog=catalog, name=name, model_id=model_id)
    return Call(MODELS, "SetAlias", request, models_pb2.Alias, _to(Alias))


def aliases(*, catalog: str = "") -> Call[tuple[Alias, ...]]:
    """Return the aliases of a catalog, by name."""
    request = models_pb2.ListAliasesRequest(catalog=catalog)
    reply = models_pb2.ListAliasesResponse
    return Call(MODELS, "ListAliases", request, reply, lambda r: from_proto(r, AliasList).aliases)


def _view_to_proto(view: str) -> models_pb2.ModelView.ValueType:
    return enum_to_proto(models_pb2.ModelView.DESCRIPTOR, view)  # type: ignore[return-value]


def _to(kind: type[T]) -> Callable[[Any], T]:
    return lambda reply: from_proto(reply, kind)


_job = _to(TrainingJob)
