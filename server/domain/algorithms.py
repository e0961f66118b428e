"""The algorithms by name: what the rest of the server has to know of each, and nothing that runs.

Adding one: its params in core, a line here, a trainer in server/trainers, and, where it asks for
more than the encoders there are, an encoder in server/encoders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from shortlist.core.counts.params import NeighboursParams, PopularityParams
from shortlist.core.data.interactions import Aggregate
from shortlist.core.distillation.params import DistilledParams
from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.ratings.params import OFFSETS as RATING_OFFSETS
from shortlist.core.ratings.params import RatingParams
from shortlist.core.sgd.params import OFFSETS, SgdParams
from shortlist.core.wals.params import WalsParams

Params: TypeAlias = (
    WalsParams
    | DistilledParams
    | SgdParams
    | PopularityParams
    | SvdParams
    | RatingParams
    | NeighboursParams
)
P = TypeVar("P")  # an algorithm's params: a frozen dataclass that checks itself


def _none(_params: object) -> int:
    return 0


def _no_attributes(_params: object) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Algorithm(Generic[P]):
    """What one algorithm is; `name` is its field in TrainRequest, in manifests and evaluations."""

    name: str
    params_type: type[P]
    dim: Callable[[P], int] = _none  # the length of its vectors, 0 for none
    epoch_count: Callable[[P], int] = _none  # how many epochs a training reports, 0 for none
    aggregation: Aggregate = "sum"  # of several events of a pair, where the training does not say
    predicts_values: bool = False  # an inner product is the value of the event: errors are measured
    tunable: bool = False  # its trainer has a space of settings to search
    starts_warm: bool = False  # can begin at the vectors of an earlier model of its own
    item_features: Callable[[P], tuple[str, ...]] = _no_attributes  # attributes it learns from
    user_features: Callable[[P], tuple[str, ...]] = _no_attributes


ALGORITHMS: dict[str, Algorithm[Any]] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm(
            name="wals",
            params_type=WalsParams,
            dim=lambda params: params.dim,
            epoch_count=lambda params: params.epochs,
            tunable=True,
            starts_warm=True,
            item_features=lambda params: params.item_features,
            user_features=lambda params: params.user_features,
        ),
        Algorithm(
            name="distilled",
            params_type=DistilledParams,
            dim=lambda params: params.dim,
            epoch_count=lambda params: params.teacher_epochs + params.epochs,
        ),
        Algorithm(
            name="sgd",
            params_type=SgdParams,
            dim=lambda params: params.dim + OFFSETS,
            epoch_count=lambda params: params.epochs,
            tunable=True,
        ),
        Algorithm(name="popularity", params_type=PopularityParams),
        Algorithm(name="svd", params_type=SvdParams, dim=lambda params: params.dim, tunable=True),
        Algorithm(
            name="ratings",
            params_type=RatingParams,
            dim=lambda params: params.dim + RATING_OFFSETS,
            epoch_count=lambda params: params.epochs,
            aggregation="last",
            predicts_values=True,
            tunable=True,
        ),
        Algorithm(name="neighbours", params_type=NeighboursParams),
    )
}
DEFAULT = ALGORITHMS["wals"]  # of trainings that name none
_BY_PARAMS: dict[type, Algorithm[Any]] = {
    algorithm.params_type: algorithm for algorithm in ALGORITHMS.values()
}


def algorithm_of(params: Params) -> Algorithm[Any]:
    """Return the algorithm whose params these are."""
    return _BY_PARAMS[type(params)]


def with_dim(params: Params, dim: int) -> Params:
    """Return the params of an algorithm with vectors, with another dim. Raises SettingInvalid."""
    changed: Any = params  # every algorithm with vectors has a dim
    wider: Params = replace(changed, dim=dim)
    return wider


def dim_of(params: Params) -> int:
    """Return the length of the vectors that a training of these params makes, 0 for none."""
    return algorithm_of(params).dim(params)


def epoch_count_of(params: Params) -> int:
    """Return how many epochs a training of these params reports, 0 for none."""
    return algorithm_of(params).epoch_count(params)
