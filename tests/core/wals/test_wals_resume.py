"""A training that goes on from a state or from earlier vectors."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.errors import DataInvalid
from shortlist.core.progress import Epoch, TrainerState
from shortlist.core.wals.cold_rows import train_with_features
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import Snapshot, WalsFactors, train_wals

PARAMS = WalsParams(dim=20, epochs=6, unobserved_weight=0.1, seed=3)


def interactions(users: int = 90, items: int = 60) -> Interactions:
    rng = np.random.default_rng(1)
    pairs = np.argwhere(rng.random((users, items)) < 0.15).astype(np.int32)
    ones = np.ones(len(pairs), np.float32)
    return build_interactions(Events(pairs[:, 0].copy(), pairs[:, 1].copy(), ones), users, items)


def features(rows: int) -> Interactions:
    rng = np.random.default_rng(2)
    pairs = np.argwhere(rng.random((rows, 7)) < 0.3).astype(np.int32)
    ones = np.ones(len(pairs), np.float32)
    return build_interactions(Events(pairs[:, 0].copy(), pairs[:, 1].copy(), ones), rows, 7)


def plainly(on_epoch: Callable[[Epoch, Snapshot], None], state: TrainerState | None) -> WalsFactors:
    return train_wals(interactions(), PARAMS, threads=2, on_epoch=on_epoch, resumed=state)


def with_features(
    on_epoch: Callable[[Epoch, Snapshot], None], state: TrainerState | None
) -> WalsFactors:
    how: dict[str, Any] = {"item_features": features(60), "user_features": features(90)}
    return train_with_features(
        interactions(), PARAMS, **how, threads=2, on_epoch=on_epoch, resumed=state
    )[1]


def with_long_rows(
    on_epoch: Callable[[Epoch, Snapshot], None], state: TrainerState | None
) -> WalsFactors:
    rows, params = interactions(300, 200), replace(PARAMS, dim=128)
    return train_wals(rows, params, threads=2, on_epoch=on_epoch, resumed=state)


@pytest.mark.parametrize("train", [plainly, with_features, with_long_rows])
def test_a_resumed_training_ends_in_the_same_bits(
    train: Callable[[Callable[[Epoch, Snapshot], None], TrainerState | None], WalsFactors],
) -> None:
    """From the state after any epoch, the last included."""
    states: list[TrainerState] = []

    def keep(epoch: Epoch, _: Snapshot) -> None:
        assert epoch.state is not None
        states.append({name: array.copy() for name, array in epoch.state().items()})

    whole = train(keep, None)
    for after, state in enumerate(list(states), 1):
        states.clear()
        rest = train(keep, state)
        assert len(states) == PARAMS.epochs - after
        assert rest.losses == whole.losses
        assert rest.users.tobytes() == whole.users.tobytes()
        assert rest.items.tobytes() == whole.items.tobytes()


def test_a_state_of_another_shape_is_refused() -> None:
    states: list[TrainerState] = []
    train_wals(
        interactions(80, 60),
        PARAMS,
        on_epoch=lambda epoch, _: states.append(epoch.state() if epoch.state else {}),
    )
    with pytest.raises(DataInvalid, match="users"):
        train_wals(interactions(90, 60), PARAMS, resumed=states[-1])


def test_new_rows_of_a_warm_start_find_their_place() -> None:
    """Fewer epochs than from random vectors, though a tenth of users and items begin at zero."""
    data = interactions()
    cold = train_wals(data, replace(PARAMS, init_stddev=0.1))
    known = WalsFactors(cold.users.copy(), cold.items.copy())
    known.users[::10] = 0
    known.items[::10] = 0
    warm = train_wals(data, PARAMS, initial=known)
    assert warm.losses[1] < cold.losses[3]
    assert warm.losses[-1] <= cold.losses[-1]
    assert np.abs(warm.users[::10]).sum(axis=1).all()
    assert np.abs(warm.items[::10]).sum(axis=1).all()
