"""Every call of the contract, written once: what is sent, and what the answer becomes.

A function here builds a Call; Shortlist runs it, AsyncShortlist awaits it. An empty `catalog` means
the client's own, an empty `model` the alias "live".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy.typing as npt
from google.protobuf.message import Message

from shortlist.client.algorithms import ALGORITHMS, Algorithm
from shortlist.client.candidates import Candidates, Embeddings, History, Query, Retrieval
from shortlist.client.conversion import from_proto, to_proto
from shortlist.client.errors import ShortlistClientError, error_from_entry
from shortlist.client.models import Alias, AliasList, Evaluation, Model, ModelPage
from shortlist.client.queries import (
    candidates_from_proto,
    embeddings_from_proto,
    query_to_proto,
    retrieval_to_proto,
)
from shortlist.client.training import (
    DataSource,
    EvaluationSpec,
    InteractionSource,
    ItemSource,
    Preparation,
    TrainingJob,
    TrainingJobPage,
    TrainRequest,
)
from shortlist.v1 import model_service_pb2 as models_pb2
from shortlist.v1 import retrieval_service_pb2 as retrieval_pb2

T = TypeVar("T")
RETRIEVAL, MODELS = "shortlist.v1.RetrievalService", "shortlist.v1.ModelService"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call: where it goes, what is sent, what the reply becomes."""

    service: str
    method: str
    request: Message
    reply: type[Message]
    convert: Callable[[Any], T]
    streaming: bool = False
    repeatable: bool = True  # doing it twice is doing it once, so it may be tried again


def fill_catalog(request: Any, catalog: str) -> None:
    """Ask the client's own catalog where a request names none."""
    for one in getattr(request, "requests", [request]):
        if catalog and getattr(one, "catalog", None) == "":
            one.catalog = catalog


# ---- retrieval ----------------------------------------------------------------------------------


def retrieve(
    *,
    user: str = "",
    history: History = (),
    items: Sequence[str] = (),
    negative_items: Sequence[str] = (),
    embedding: npt.ArrayLike | None = None,
    count: int = 0,
    exclude: Sequence[str] = (),
    include_seen: bool = False,
    candidates: Sequence[str] = (),
    mode: str = "",
    min_score: float | None = None,
    require_personalized: bool = False,
    explain: bool = False,
    contributions_max: int = 0,
    model: str = "",
    catalog: str = "",
) -> Call[Candidates]:
    """Return the best items for a user and/or a history, for items, or for an embedding.

    history: item ids, or (item id, value) pairs; a negative value is a dislike. count 0: 100.
    candidates: score only these. mode: "exact", "approximate", or "" for the server's choice.
    explain: say which items of the history made each score, contributions_max of them (0: 3).
    """
    request = Retrieval(
        query=Query(user, history, items, negative_items, embedding),
        count=count,
        exclude=exclude,
        include_seen=include_seen,
        candidates=candidates,
        mode=mode,
        min_score=min_score,
        require_personalized=require_personalized,
        explain=explain,
        contributions_max=contributions_max,
        catalog=catalog,
        model=model,
    )
    return Call(
        RETRIEVAL,
        "Retrieve",
        retrieval_to_proto(request),
        retrieval_pb2.RetrieveResponse,
        candidates_from_proto,
    )


def retrieve_batch(
    requests: Sequence[Retrieval],
) -> Call[list[Candidates | ShortlistClientError]]:
    """Answer many requests in one call; an entry that fails is an error in its place."""
    sent = [retrieval_to_proto(request) for request in requests]

    def convert(
        reply: retrieval_pb2.BatchRetrieveResponse,
    ) -> list[Candidates | ShortlistClientError]:
        return [
            error_from_entry(entry.error)
            if entry.HasField("error")
            else candidates_from_proto(entry.response)
            for entry in reply.entries
        ]

    request = retrieval_pb2.BatchRetrieveRequest(requests=sent)
    return Call(RETRIEVAL, "BatchRetrieve", request, retrieval_pb2.BatchRetrieveResponse, convert)


def embed(
    queries: Sequence[Query] = (),
    *,
    users: Sequence[str] = (),
    model: str = "",
    catalog: str = "",
) -> Call[Embeddings]:
    """Return one vector a query, or a user; queries come first when both are given."""
    asked = [*queries, *(Query(user=user) for user in users)]
    request = retrieval_pb2.EmbedRequest(
        catalog=catalog, model=model, queries=[query_to_proto(query) for query in asked]
    )
    return Call(RETRIEVAL, "Embed", request, retrieval_pb2.EmbedResponse, embeddings_from_proto)


# ---- training -----------------------------------------------------------------------------------


def start_training(
    interactions: InteractionSource | str,
    items: ItemSource | str | None = None,
    algorithm: Algorithm | None = None,
    *,
    preparation: Preparation | None = None,
    evaluation: EvaluationSpec | None = None,
    model_id: str = "",
    alias: str = "",
    keep_aliases: bool = False,
    request_id: str = "",
    catalog: str = "",
) -> Call[TrainingJob]:
    """Have a training accepted and return its job at once; paths are the server's.

    A request_id makes a second call with the same text return the first one's job; without one, the
    call is not tried again when the connection breaks.
    """
    if isinstance(interactions, str):
        interactions = InteractionSource(DataSource(interactions))
    if isinstance(items, str):
        items = ItemSource(DataSource(items))
    request = TrainRequest(
        catalog=catalog,
        model_id=model_id,
        interactions=interactions,
        items=items,
        preparation=preparation,
        **{name: algorithm for name, kind in ALGORITHMS.items() if isinstance(algorithm, kind)},  # type: ignore[arg-type]
        evaluation=evaluation,
        alias=alias,
        keep_aliases=keep_aliases,
        request_id=request_id,
    )
    message = to_proto(request, models_pb2.TrainRequest())
    return Call(MODELS, "Train", message, models_pb2.TrainingJob, _job, repeatable=bool(request_id))


def watch(job_id: str) -> Call[TrainingJob]:
    """Yield a job's state whenever it changes, until it has ended."""
    request = models_pb2.WatchTrainingJobRequest(job_id=job_id)
    return Call(MODELS, "WatchTrainingJob", request, models_pb2.TrainingJob, _job, streaming=True)


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


def model(name: str = "", *, catalog: str = "") -> Call[Model]:
    """Return the model that an id or an alias names."""
    request = models_pb2.GetModelRequest(catalog=catalog, model=name)
    return Call(MODELS, "GetModel", request, models_pb2.Model, _to(Model))


def models(*, page_size: int = 0, page_token: str = "", catalog: str = "") -> Call[ModelPage]:
    """Return the models of a catalog, newest first."""
    request = models_pb2.ListModelsRequest(
        catalog=catalog, page_size=page_size, page_token=page_token
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


def set_alias(name: str, model_id: str, *, catalog: str = "") -> Call[Alias]:
    """Point an alias at a model: swap and rollback in one atomic step."""
    request = models_pb2.SetAliasRequest(catalog=catalog, name=name, model_id=model_id)
    return Call(MODELS, "SetAlias", request, models_pb2.Alias, _to(Alias))


def aliases(*, catalog: str = "") -> Call[tuple[Alias, ...]]:
    """Return the aliases of a catalog, by name."""
    request = models_pb2.ListAliasesRequest(catalog=catalog)
    reply = models_pb2.ListAliasesResponse
    return Call(MODELS, "ListAliases", request, reply, lambda r: from_proto(r, AliasList).aliases)


def _to(kind: type[T]) -> Callable[[Any], T]:
    return lambda reply: from_proto(reply, kind)


_job = _to(TrainingJob)
