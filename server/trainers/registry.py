"""The algorithms by name and by their params."""

from dataclasses import replace
from typing import Any, TypeAlias

from shortlist.core.distillation.params import DistilledParams
from shortlist.core.linear.svd import SvdParams
from shortlist.core.ratings.ratings import RatingParams
from shortlist.core.sgd.params import SgdParams
from shortlist.core.wals.params import WalsParams
from shortlist.server.trainers.distilled import Distilled
from shortlist.server.trainers.neighbours import NeighboursAlgorithm, NeighboursParams
from shortlist.server.trainers.popularity import Popularity, PopularityParams
from shortlist.server.trainers.ratings import Ratings
from shortlist.server.trainers.sgd import Sgd
from shortlist.server.trainers.svd import Svd
from shortlist.server.trainers.trainer import Algorithm
from shortlist.server.trainers.wals import Wals

Params: TypeAlias = (
    WalsParams
    | DistilledParams
    | SgdParams
    | PopularityParams
    | SvdParams
    | RatingParams
    | NeighboursParams
)

ALGORITHMS: dict[str, Algorithm[Any]] = {
    one.name: one
    for one in (Wals(), Distilled(), Sgd(), Popularity(), Svd(), Ratings(), NeighboursAlgorithm())
}
_BY_PARAMS: dict[type, Algorithm[Any]] = {one.params_type: one for one in ALGORITHMS.values()}


def with_dim(params: Params, dim: int) -> Params:
    """Return the params of an algorithm with vectors, with another dim. Raises SettingInvalid."""
    changed: Any = params  # every algorithm with vectors has a dim
    found: Params = replace(changed, dim=dim)
    return found


def algorithm_of(params: Params) -> Algorithm[Any]:
    """Return the algorithm whose params these are."""
    return _BY_PARAMS[type(params)]
