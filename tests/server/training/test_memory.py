"""What a training says it needs, beside what it takes."""

import tracemalloc

import numpy as np
import pytest

from shortlist.core.counts.params import NeighboursParams, PopularityParams
from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.distillation.params import DistilledParams
from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.ratings.params import RatingParams
from shortlist.core.sgd.params import SgdParams
from shortlist.core.wals.params import WalsParams
from shortlist.server.domain.algorithms import ALGORITHMS, Params, algorithm_of
from shortlist.server.errors import MemoryExceeded
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.registry import trainer_of
from shortlist.server.trainers.trainer import TrainingData
from shortlist.server.training.memory import check_memory, find_available_bytes, needed_bytes

USERS, ITEMS, THREADS, FEATURES = 4000, 2000, 2, 60
SMALL = 1 << 20  # what does not grow with the data
TRAININGS: list[Params] = [
    WalsParams(dim=72, epochs=2),
    WalsParams(dim=32, epochs=1, half_life_days=2.0),
    WalsParams(dim=32, epochs=1, item_features=("x",)),
    WalsParams(dim=32, epochs=1, item_features=("x",), user_features=("y",)),
    SgdParams(dim=60, epochs=1, negative_count=16, batch_size=2048),
    SgdParams("squared", dim=60, epochs=1, negative_count=512, batch_size=16384),
    RatingParams(dim=40, epochs=1),
    RatingParams(dim=40, epochs=2, solver="adam"),
    SvdParams(dim=48, power_iterations=1),
    NeighboursParams(count=200),
    NeighboursParams(kind="user"),
    PopularityParams(),
    PopularityParams(half_life_days=2.0),
    DistilledParams(dim=32, epochs=1, teacher_dim=64, teacher_epochs=1, target_count=100),
]


def features_of(row_count: int) -> Interactions:
    """Return three features of each row."""
    starts = np.arange(0, 3 * row_count + 1, 3, dtype=np.int64)
    some = np.tile(np.arange(FEATURES), (row_count, 1))
    columns = np.sort(np.random.default_rng(2).permuted(some, axis=1)[:, :3], axis=1)
    ones = np.ones(3 * row_count, np.float32)
    return Interactions(starts, columns.astype(np.int32).ravel(), ones, FEATURES)


def training_data(event_count: int, params: Params) -> TrainingData:
    rng = np.random.default_rng(1)
    events = Events(
        rng.integers(USERS, size=event_count).astype(np.int32),
        (ITEMS * rng.random(event_count) ** 2).astype(np.int32),
        np.ones(event_count, np.float32),
        np.arange(event_count, dtype=np.int64),
    )
    return TrainingData(
        events,
        build_interactions(events, USERS, ITEMS),
        item_features=features_of(ITEMS) if getattr(params, "item_features", ()) else None,
        user_features=features_of(USERS) if getattr(params, "user_features", ()) else None,
    )


@pytest.mark.parametrize("event_count", [20_000, 200_000])
@pytest.mark.parametrize("params", TRAININGS, ids=lambda one: algorithm_of(one).name)
def test_a_training_takes_what_its_algorithm_says(params: Params, event_count: int) -> None:
    """Not more, and not so much less that what would fit is refused."""
    trainer = trainer_of(params)
    data = training_data(event_count, params)
    told = [one for one in (data.item_features, data.user_features) if one is not None]
    entries = sum(one.entry_count for one in told)
    counts = (FEATURES,) * len(told)
    size = DataSize(USERS, ITEMS, event_count, counts, entries, threads=THREADS)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        learned = trainer.fit(data, params, threads=THREADS, on_epoch=lambda epoch: None)
        taken = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert learned.params
    said = trainer.training_bytes(params, size)
    assert taken <= 1.1 * said + SMALL
    assert said <= 2.5 * taken + SMALL


def test_what_does_not_fit_in_memory_is_told_before_it_starts() -> None:
    params, size = WalsParams(dim=64), DataSize(1000, 500, 20_000)
    needed = needed_bytes(params, size)
    assert needed >= 2 * 4 * 64 * 1500 + 2 * 8 * 20_000
    check_memory([params], size, 0, available_bytes=needed)
    with pytest.raises(MemoryExceeded) as failure:
        check_memory([params], size, 0, available_bytes=needed - 1)
    assert failure.value.metadata["needed_bytes"] == str(needed)
    available = find_available_bytes()
    assert available is None or available > 1 << 20
    with pytest.raises(MemoryExceeded):
        check_memory([params], DataSize(2**30, 2**30, 2**31))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_largest_of_several_trainings_counts_and_so_do_parts_of_the_events(name: str) -> None:
    params, size = ALGORITHMS[name].params_type(), DataSize(1000, 500, 20_000)
    wals = WalsParams(dim=2048)
    largest = max(needed_bytes(params, size), needed_bytes(wals, size))
    parts = 3 * 20 * 20_000  # of 20 bytes an event
    check_memory([params, wals], size, 3, available_bytes=largest + parts)
    with pytest.raises(MemoryExceeded):
        check_memory([params, wals], size, 3, available_bytes=largest + parts - 1)
