"""What an evaluation found: plain, storable as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from shortlist.core.metrics.decile_recall import DecileRecall


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of one method on one group of users."""

    name: str
    cutoff: int
    mean: float
    standard_error: float  # of the mean


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """One metric of a model and of its baseline on the same users."""

    name: str
    cutoff: int
    user_group: str  # known or unseen
    user_count: int
    mean: float
    baseline_mean: float
    low: float  # ends of the confidence interval of mean - baseline_mean
    high: float


@dataclass(frozen=True, slots=True)
class RankingEvaluation:
    """Quality of one method's rankings."""

    method: str  # the algorithm's name, or popularity for the baseline
    user_group: str  # known or unseen
    user_count: int  # users averaged over: with a test item that the model knows
    metrics: tuple[Metric, ...]
    decile_recalls: tuple[DecileRecall, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Quality of rankings of the whole catalog."""

    split: str  # how the test data came about
    rankings: tuple[RankingEvaluation, ...]
    baseline_model: str = ""  # what it was compared with; empty: nothing
    differences: tuple[MetricDifference, ...] = ()
