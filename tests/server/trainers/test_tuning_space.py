"""The spaces that tuning searches: inside the ranges, and the same settings at the same place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.interactions import Events, build_interactions
from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.ratings.params import RatingParams
from shortlist.core.sgd.params import LOSSES, SgdParams
from shortlist.server.domain.algorithms import ALGORITHMS, Params
from shortlist.server.trainers.registry import TRAINERS, trainer_of
from shortlist.server.trainers.trainer import TunableTrainer

NOTHING = np.empty(0, np.int32)
SEEN = build_interactions(Events(NOTHING, NOTHING, NOTHING.astype(np.float32)), 3, 4)
GIVEN: list[Params] = [
    *(SgdParams(loss) for loss in LOSSES),
    SgdParams("squared", negative_count=0, gravity=2e4, regularization=3e-5),
    SgdParams(negative_power=0.5, uniform_share=0.5, in_batch=True, hard_count=9),
    RatingParams(),
    RatingParams(solver="adam", learning_rate=0.05),
    SvdParams(),
    SvdParams(dim=1),
]


def test_what_is_tunable_has_a_space() -> None:
    for algorithm in ALGORITHMS.values():
        trainer = TRAINERS[algorithm.name]
        assert isinstance(trainer, TunableTrainer) == algorithm.tunable


@pytest.mark.parametrize("params", GIVEN, ids=lambda one: type(one).__name__)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_point_is_settings_and_they_lead_back_to_it(
    params: Params, data: st.DataObject
) -> None:
    """Params check themselves; a step out of the cube ends on its surface."""
    trainer = trainer_of(params)
    assert isinstance(trainer, TunableTrainer)
    space = trainer.tuning_space(params, SEEN)
    assert space.start() == params
    place = np.array(
        data.draw(st.lists(st.floats(-0.5, 1.5), min_size=space.axes, max_size=space.axes))
    )
    found = space.params(place)
    point = space.point(found)
    assert ((point >= 0) & (point <= 1)).all()
    if not isinstance(params, SvdParams):  # whose dims are whole numbers
        np.testing.assert_allclose(point, np.clip(place, 0, 1), atol=0.01)
    assert space.params(point) == found
    names = space.settings(found)
    assert len(names) == space.axes + (not isinstance(params, SvdParams))
    assert all(getattr(found, name) == value for name, value in names.items())
