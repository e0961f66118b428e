"""The trainers by the name of their algorithm."""

from typing import Any

from shortlist.server.domain.algorithms import Params, algorithm_of
from shortlist.server.trainers.distilled import Distilled
from shortlist.server.trainers.neighbours import Neighbours
from shortlist.server.trainers.popularity import Popularity
from shortlist.server.trainers.ratings import Ratings
from shortlist.server.trainers.sgd import Sgd
from shortlist.server.trainers.svd import Svd
from shortlist.server.trainers.trainer import Trainer
from shortlist.server.trainers.wals import Wals

TRAINERS: dict[str, Trainer[Any]] = {
    "wals": Wals(),
    "distilled": Distilled(),
    "sgd": Sgd(),
    "popularity": Popularity(),
    "svd": Svd(),
    "ratings": Ratings(),
    "neighbours": Neighbours(),
}


def trainer_of(params: Params) -> Trainer[Any]:
    """Return what trains by these params."""
    return TRAINERS[algorithm_of(params).name]
