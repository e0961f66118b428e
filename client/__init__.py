"""Thin Python client: a server's address in, numpy arrays and plain dataclasses out."""

<<<<<<< HEAD
from shortlist.client.candidates import (
    Candidates,
    Embeddings,
    Query,
    Reason,
    Retrieval,
    SearchReport,
)
=======
from shortlist.client.algorithms import Popularity, Ratings, Svd, Wals
from shortlist.client.candidates import Candidates, Embeddings, Query, Retrieval, SearchReport
>>>>>>> main
from shortlist.client.clients import AsyncShortlist, Shortlist
from shortlist.client.connection import Retries
from shortlist.client.errors import (
    AlreadyExists,
    Cancelled,
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    ShortlistClientError,
    TrainingFailed,
    Unavailable,
)
from shortlist.client.models import (
    Alias,
    Evaluation,
    IndexReport,
    Metric,
    Model,
    ModelPage,
    RankingEvaluation,
)
from shortlist.client.training import (
    DataSource,
    EvaluationSpec,
    InteractionSource,
    ItemSource,
    JobFailure,
    Preparation,
    TrainingJob,
    TrainingJobPage,
    TrainRequest,
)

__all__ = [
    "Alias",
    "AlreadyExists",
    "AsyncShortlist",
    "Cancelled",
    "Candidates",
    "DataLoss",
    "DataSource",
    "DeadlineExceeded",
    "Embeddings",
    "Evaluation",
    "EvaluationSpec",
    "FailedPrecondition",
    "FieldViolation",
    "IndexReport",
    "InteractionSource",
    "Internal",
    "InvalidArgument",
    "ItemSource",
    "JobFailure",
    "Metric",
    "Model",
    "ModelPage",
    "NotFound",
    "PermissionDenied",
    "Popularity",
    "Preparation",
    "Query",
    "RankingEvaluation",
<<<<<<< HEAD
    "Reason",
=======
    "Ratings",
>>>>>>> main
    "ResourceExhausted",
    "Retries",
    "Retrieval",
    "SearchReport",
    "Shortlist",
    "ShortlistClientError",
    "Svd",
    "TrainRequest",
    "TrainingFailed",
    "TrainingJob",
    "TrainingJobPage",
    "Unavailable",
    "Wals",
]
