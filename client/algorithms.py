"""What can be trained, one dataclass an algorithm; None, 0 and "" mean the server's default.

Objectives and sources: proto/shortlist/v1/algorithms.proto and docs/algorithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Wals:
    """Weighted alternating least squares; None and 0 mean the server's default."""

    dim: int = 0
    epochs: int = 0
    unobserved_weight: float | None = None  # w0
    regularization: float | None = None
    regularization_exponent: float | None = None  # nu
    value_transform: str = ""  # none, linear, log
    value_alpha: float | None = None
    value_epsilon: float | None = None
    user_frequency_exponent: float = 0.0
    item_frequency_exponent: float = 0.0
    init_stddev: float | None = None
    solver: str = ""  # conjugate_gradient, cholesky
    seed: int = 0
    over_relaxation: float | None = None
    half_life_days: float | None = None
    cg_steps: int = 0  # of conjugate gradient, each time a row is solved
    item_features: Sequence[str] = ()  # attributes that place items which nobody has yet
    feature_regularization: float | None = None
    user_features: Sequence[str] = ()  # attributes that place users who have done nothing yet
    draw_users: bool | None = None  # to the mean user; None: they are


@dataclass(frozen=True, slots=True)
class Distilled:
    """Short vectors that learn the rankings of WALS of a large dimension."""

    dim: int = 0
    epochs: int = 0
    target_count: int = 0  # of the teacher's ranking, a user
    teacher_temperature: float | None = None
    temperature: float | None = None
    sampled_items: int = 0
    batch_size: int = 0
    learning_rate: float | None = None
    seed: int = 0
    teacher_dim: int = 0
    teacher_epochs: int = 0
    unobserved_weight: float | None = None  # from here on the teacher's, as in Wals
    regularization: float | None = None
    regularization_exponent: float | None = None
    value_transform: str = ""
    value_alpha: float | None = None
    value_epsilon: float | None = None
    user_frequency_exponent: float = 0.0
    item_frequency_exponent: float = 0.0
    init_stddev: float | None = None
    over_relaxation: float | None = None
    half_life_days: float | None = None


@dataclass(frozen=True, slots=True)
class Sgd:
    """Stochastic gradient descent over sampled negatives."""

    loss: str = ""  # squared, logistic, bpr, softmax, contrastive
    dim: int = 0
    epochs: int = 0
    cosine: bool | None = None
    temperature: float | None = None  # of softmax
    margin: float | None = None  # of contrastive
    negative_count: int | None = None
    negative_power: float = 0.0
    negative_weight: float | None = None
    correct_sampling: bool = False  # logQ
    gravity: float = 0.0
    item_bias: bool = False
    user_bias: bool = False
    batch_size: int = 0
    learning_rate: float | None = None
    regularization: float = 0.0
    init_stddev: float | None = None
    seed: int = 0
    uniform_share: float = 0.0  # of the negatives drawn, the others by popularity
    hard_count: int | None = None  # of a pair's negatives count, the best-scored
    in_batch: bool = False  # the pairs' own items are negatives of the others


@dataclass(frozen=True, slots=True)
class Popularity:
    """Popular items: with everybody, or in the segment of a user."""

    half_life_days: float | None = None


@dataclass(frozen=True, slots=True)
class Svd:
    """Singular value decomposition of the zero-filled matrix, the classic baseline."""

    dim: int = 0
    power_iterations: int | None = None
    binary: bool = False  # 1 for every observed pair instead of its value
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Ratings:
    """Factorization of explicit ratings with biases; a score is the predicted rating."""

    dim: int = 0
    epochs: int = 0
    solver: str = ""  # als, adam
    mean: str = ""  # global, item
    item_bias: bool | None = None
    regularization: float | None = None
    regularization_exponent: float | None = None  # nu
    bias_regularization: float | None = None
    init_stddev: float | None = None
    learning_rate: float | None = None  # of adam
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Items liked together with the history's, or what users alike have; no vectors."""

    kind: str = ""  # item, user
    weighting: str = ""  # cosine, tfidf, bm25
    count: int = 0  # neighbours kept of each item, or users asked


Algorithm: TypeAlias = Wals | Distilled | Sgd | Popularity | Svd | Ratings | Neighbours

ALGORITHMS: dict[str, type[Algorithm]] = {
    "wals": Wals,
    "distilled": Distilled,
    "sgd": Sgd,
    "popularity": Popularity,
    "svd": Svd,
    "ratings": Ratings,
    "neighbours": Neighbours,
}
