"""What WALS is trained on in benchmarks: Gowalla, and others where they are staged."""

from collections.abc import Iterator

import numpy as np

from bench.gowalla import gowalla_or_generated
from bench.quality_data import globo_next_day, movielens_1m
from bench.report import data_folder
from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.metrics.bootstrap import DoubleArray

LARGE = 138_493, 26_744, 20_000_000  # users, items and pairs of MovieLens 20M


def datasets(quick: bool) -> Iterator[tuple[str, Interactions]]:
    """Yield names and interactions, one after the other: not all fit beside each other."""
    gowalla = gowalla_or_generated()
    yield gowalla.name, gowalla.train
    if quick:
        return
    if folder := data_folder("ml-1m"):
        events = movielens_1m(folder)
        shape = int(events.users.max()) + 1, int(events.items.max()) + 1
        yield "ml-1m", build_interactions(events, *shape, "max")
    if folder := data_folder("globo-clicks"):
        yield "globo-clicks", globo_next_day(folder, 31).train
    yield "synthetic-20m", synthetic(*LARGE)


def synthetic(users: int, items: int, pairs: int) -> Interactions:
    """Draw pairs, fewer where one comes twice: popularity and activity by power laws."""
    rng = np.random.default_rng(1)
    drawn = [
        rng.choice(count, pairs, p=_power_law(count, offset)).astype(np.int32)
        for count, offset in ((users, 2000), (items, 300))
    ]
    events = Events(drawn[0], drawn[1], np.ones(pairs, np.float32))
    return build_interactions(events, users, items, "max")


def _power_law(count: int, offset: int) -> DoubleArray:
    weights: DoubleArray = 1.0 / np.arange(offset, count + offset)
    return weights / float(weights.sum())
