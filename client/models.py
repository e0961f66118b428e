"""Published models, their quality, and the aliases that name them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shortlist.client.training import TrainRequest


@dataclass(frozen=True, slots=True)
class Metric:
    """One number, the mean over users."""

    name: str  # precision, recall, f1, map, ndcg, mrr, hit_rate, coverage, novelty
    cutoff: int
    mean: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class DecileRecall:
    """Recall among a tenth of the items, by popularity."""

    decile: int  # 1: the rarest; 10: the most popular
    cutoff: int
    user_count: int  # with something to find there
    mean: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """One metric of a model and of its baseline on the same users."""

    name: str
    cutoff: int
    user_group: str  # known, unseen
    user_count: int
    mean: float
    baseline_mean: float
    low: float  # 95 % confidence interval of mean - baseline_mean
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class RankingEvaluation:
    """One method on one group of users."""

    method: str  # wals, popularity
    user_group: str  # known, unseen
    user_count: int
    metrics: tuple[Metric, ...]
    decile_recalls: tuple[DecileRecall, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Quality of rankings of the whole catalog."""

    split: str
    rankings: tuple[RankingEvaluation, ...]
    baseline_model: str  # what it was compared with; empty: nothing
    differences: tuple[MetricDifference, ...]


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """One way to search, measured on stored user vectors, one at a time."""

    method: str  # exact, usearch, lists
    effort: int  # usearch: candidates kept while searching; lists: lists scanned; exact: 0
    recall_at_100: float
    microseconds: float  # median of a query
    skipped: str  # why the method was not measured; empty: it was


@dataclass(frozen=True, slots=True)
class LiveRecall:
    """What live searches found: a share of them was answered again exactly."""

    k: int  # candidates asked for, down to the next smaller cut-off
    query_count: int
    recall: float
    standard_error: float
    dropped_count: int  # sampled, but too many waited


@dataclass(frozen=True, slots=True)
class IndexReport:
    """An approximate index and how well it finds what exact search finds."""

    kind: str
    recall_at_100: float
    query_count: int
    connectivity: int
    expansion_add: int
    expansion_search: int
    build_seconds: float  # building and measuring all that were tried
    trials: tuple[SearchTrial, ...]
    chosen: str  # method of searches whose mode is left to the server; empty: not measured
    target_recall: float
    list_count: int
    probes: int  # lists that a search for 100 candidates scans
    asked: bool  # by the training
    dtype: str  # of the vectors in a graph; empty: there is none
    build_threads: int  # of a graph; more than one: its bits need not repeat
    live_recalls: tuple[LiveRecall, ...]  # by rising k


@dataclass(frozen=True, slots=True)
class Trial:
    """One training on a part of the events, measured on the rest."""

    settings: dict[str, float]  # what trials differ in
    epochs: int  # the best number of them; 0: the training diverged
    quality: float  # after so many
    qualities: tuple[float, ...]  # after each epoch
    seconds: float
    chosen: bool  # the model was trained with these settings


@dataclass(frozen=True, slots=True)
class Model:
    """An immutable result of one training; a list leaves out what it does not show (views)."""

    model_id: str
    catalog: str
    algorithm: str  # wals, sgd, ...
    request: TrainRequest | None  # None: left out, as losses, evaluation, index and trials then are
    create_time: datetime | None
    dim: int
    item_count: int
    user_count: int
    interaction_count: int
    losses: tuple[float, ...]
    evaluation: Evaluation | None
    index: IndexReport | None
    size_bytes: int
    training_seconds: float
    aliases: tuple[str, ...]
    attribute_columns: tuple[str, ...]
    trials: tuple[Trial, ...]  # of early stopping and tuning


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Some models, newest first."""

    models: tuple[Model, ...]
    next_page_token: str  # empty: there are no more


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for whichever model serves now."""

    name: str
    model_id: str
    catalog: str
    generation: int


@dataclass(frozen=True, slots=True)
class AliasList:
    """The aliases of a catalog, by name."""

    aliases: tuple[Alias, ...]
