"""What to train, and how a training is doing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shortlist.client.algorithms import (
    ALGORITHMS,
    Algorithm,
    Distilled,
    Neighbours,
    Popularity,
    Ratings,
    Sgd,
    Svd,
    Wals,
)


@dataclass(frozen=True, slots=True)
class DataSource:
    """A table that the server can read: a path on its machine, or a URI that pyarrow knows."""

    uri: str
    format: str = ""  # parquet, csv, tsv, arrow, adjacency; empty: by the ending
    separator: str = ""  # of text; empty: "," for csv, a tab for tsv
    headerless: bool = False  # columns are then named "0", "1", ...
    encoding: str = ""  # utf-8 or latin-1; empty: utf-8


@dataclass(frozen=True, slots=True)
class InteractionSource:
    """Whom interacted with what; empty column names are looked for among the usual ones."""

    source: DataSource
    user_column: str = ""
    item_column: str = ""
    value_column: str = ""
    time_column: str = ""
    segment_column: str = ""  # of the user, such as a country; for training only


@dataclass(frozen=True, slots=True)
class ItemSource:
    """Items with what is known about them."""

    source: DataSource
    id_column: str = ""
    attribute_columns: tuple[str, ...] = ()  # empty: every column


@dataclass(frozen=True, slots=True)
class UserSource:
    """Users with what is known about them."""

    source: DataSource
    id_column: str = ""
    attribute_columns: tuple[str, ...] = ()  # empty: every column


@dataclass(frozen=True, slots=True)
class Preparation:
    """What happens to the events between the file and the matrix."""

    aggregation: str = ""  # sum, max, last, count; empty: sum
    user_events_min: int = 0
    item_events_min: int = 0
    value_min: float | None = None


@dataclass(frozen=True, slots=True)
class EvaluationSpec:
    """How the training is measured."""

    split: str = ""  # temporal, random_per_user, leave_last_out, given, none; empty: by the data
    held_out_fraction: float | None = None
    unseen_user_fraction: float | None = None
    cutoffs: tuple[int, ...] = ()
    test_interactions: InteractionSource | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """How the number of epochs is found; 0 and empty mean the server's default."""

    metric: str = ""  # precision, recall, f1, map, ndcg, mrr, hit_rate, rmse, mae
    cutoff: int = 0
    patience: int = 0  # epochs without a better value
    held_out_fraction: float | None = None
    split: str = ""  # temporal, random_per_user, leave_last_out
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Tuning:
    """How long to look for better settings."""

    trials: int = 0
    dims: tuple[int, ...] = ()  # tried at the end
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Index:
    """Which index to build; all but kind is of usearch, 0 and empty mean the server's default."""

    kind: str = ""  # auto, usearch, lists, exact; empty: auto
    connectivity: int = 0  # edges a node
    expansion_add: int = 0  # candidates kept while building
    dtype: str = ""  # f32, bf16, i8
    parallel_build: bool = False  # by all threads; its bits then need not repeat


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """One training as it was asked for, with the server's choices filled in."""

    catalog: str = ""
    model_id: str = ""
    interactions: InteractionSource | None = None
    items: ItemSource | None = None
    users: UserSource | None = None
    preparation: Preparation | None = None
    wals: Wals | None = None
    popularity: Popularity | None = None
    svd: Svd | None = None
    ratings: Ratings | None = None
    neighbours: Neighbours | None = None
    sgd: Sgd | None = None
    distilled: Distilled | None = None
    evaluation: EvaluationSpec | None = None
    alias: str = ""
    keep_aliases: bool = False
    request_id: str = ""
    target_recall: float | None = None  # None: 0.98
    index: Index | None = None
    early_stopping: EarlyStopping | None = None
    tuning: Tuning | None = None
    warm_start_model: str = ""

    @property
    def algorithm(self) -> Algorithm | None:
        """Whichever algorithm is set."""
        return next((one for name in ALGORITHMS if (one := getattr(self, name))), None)


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a job failed."""

    reason: str
    message: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training, from its acceptance on."""

    job_id: str
    request: TrainRequest
    state: str  # queued, running, succeeded, failed, cancelled
    phase: str  # reading, tuning, evaluating, training, indexing, publishing; empty: not running
    epoch: int
    epoch_count: int
    loss: float
    event_count: int
    seconds_left: float  # negative: unknown
    create_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    failure: JobFailure | None
    trial: int  # of a tuning, from 1; 0 outside of one
    trial_count: int
    best_quality: float  # of the trials before

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class TrainingJobPage:
    """Some jobs, newest first."""

    jobs: tuple[TrainingJob, ...]
    next_page_token: str  # empty: there are no more
