"""Radius, box, window and fading against the definitions, the date line and the poles included."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortlist.server.domain.restrictions import Box, Freshness, Radius, Window
from shortlist.server.filters.places import HALF_WAY_ROUND_M, haversine_m, within_box, within_radius
from shortlist.server.filters.times import NO_TIME, faded, within_window
from shortlist.server.serving.attributes import ItemAttributes
from tests.oracles.filters import destination, distance_m

PLACES = st.tuples(
    st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 0.0, 90.0])),
    st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, 0.0, 180.0])),
)


def arrays(places: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array(places, np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


@given(PLACES, st.lists(PLACES, max_size=20), st.floats(1, HALF_WAY_ROUND_M + 1))
def test_a_circle_holds_what_is_near_enough(
    centre: tuple[float, float], places: list[tuple[float, float]], metres: float
) -> None:
    inside = within_radius(Radius(*centre, metres), *arrays(places))
    for place, found in zip(places, inside.tolist(), strict=True):
        distance = distance_m(centre, place)
        if abs(distance - metres) > 1:  # a metre of rounding at opposite ends of the earth
            assert found == (distance < metres)


@given(PLACES, st.floats(10, 1.9e7), st.lists(st.floats(0, 360), min_size=1, max_size=20))
def test_a_circle_reaches_as_far_in_every_direction(
    centre: tuple[float, float], metres: float, bearings: list[float]
) -> None:
    """Also where it passes the date line or a pole."""
    for share, expected in ((0.999, True), (1.001, False)):
        places = [destination(centre, bearing, share * metres) for bearing in bearings]
        inside = within_radius(Radius(*centre, metres), *arrays(places))
        assert inside.tolist() == [expected] * len(places)


def test_the_date_line_and_the_poles_are_no_borders() -> None:
    latitudes, longitudes = arrays([(0, 179.99), (0, -179.99), (89.99, 0), (89.99, 180), (0, 0)])
    near = within_radius(Radius(0, 180, 2000), latitudes, longitudes)
    assert near.tolist() == [True, True, False, False, False]
    polar = within_radius(Radius(90, 77, 2000), latitudes, longitudes)
    assert polar.tolist() == [False, False, True, True, False]
    everything = within_radius(Radius(12, 34, HALF_WAY_ROUND_M + 1), latitudes, longitudes)
    assert everything.all()


def test_known_distances() -> None:
    paris, rome = (48.8566, 2.3522), (41.9028, 12.4964)
    assert haversine_m(*paris, *arrays([rome]))[0] == pytest.approx(1_105_000, rel=0.01)
    assert haversine_m(*paris, *arrays([paris]))[0] == 0


@given(PLACES, PLACES, st.lists(PLACES, max_size=20))
def test_a_box_holds_what_lies_between_its_borders(
    a: tuple[float, float], b: tuple[float, float], places: list[tuple[float, float]]
) -> None:
    south, north = sorted([a[0], b[0]])
    box = Box(south, a[1], north, b[1])
    inside = within_box(box, *arrays(places))
    width = (box.east - box.west) % 360 if box.east - box.west != 360 else 360
    for (latitude, longitude), found in zip(places, inside.tolist(), strict=True):
        turned = (longitude - box.west) % 360
        between = min(abs(turned - width), turned, 360 - turned) > 1e-9
        if between:
            assert found == (south <= latitude <= north and turned <= width)


def test_a_box_across_the_date_line_and_its_meridian() -> None:
    latitudes, longitudes = arrays([(0, 179), (0, -179), (0, 0), (0, 180), (0, -180)])
    across = within_box(Box(-1, 178, 1, -178), latitudes, longitudes)
    assert across.tolist() == [True, True, False, True, True]
    up_to = within_box(Box(-1, 178, 1, 180), latitudes, longitudes)
    assert up_to.tolist() == [True, False, False, True, True]
    beyond = within_box(Box(-1, -180, 1, -178), latitudes, longitudes)
    assert beyond.tolist() == [False, True, False, True, True]


def test_coordinates_are_brought_to_their_range() -> None:
    """Longitudes of 0..360 are turned; what cannot be a place is none."""
    table = pa.table(
        {"lat": [0, 90.0, 91, np.nan, 5], "lng": pa.array([190, 360, 0, 0, None], pa.int16())}
    )
    latitudes, longitudes = ItemAttributes(table, 5).coordinates("", "", "within")
    np.testing.assert_array_equal(latitudes, [0, 90, np.nan, np.nan, 5])
    np.testing.assert_array_equal(longitudes, [-170, 0, 0, 0, np.nan])


def test_unknown_places_are_nowhere() -> None:
    latitudes, longitudes = arrays([(np.nan, 0), (0, np.nan), (np.nan, np.nan)])
    assert not within_radius(Radius(0, 0, HALF_WAY_ROUND_M), latitudes, longitudes).any()
    assert not within_box(Box(-90, -180, 90, 180), latitudes, longitudes).any()


def test_a_window_begins_with_its_moment_and_ends_before_it() -> None:
    times = np.array([999, 1000, 1999, 2000, NO_TIME])
    found = within_window(Window(after_ms=1000, before_ms=2000), times, now_ms=10_000)
    assert found.tolist() == [False, True, True, False, False]
    young = within_window(Window(age_max_ms=8001), times, now_ms=10_000)
    assert young.tolist() == [False, False, True, True, False]
    assert within_window(Window(), times, 0).tolist() == [True] * 4 + [False]


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=20),
    st.integers(0, 10**6),
    st.integers(1, 10**6),
    st.floats(0, 1),
)
def test_an_older_item_never_gains(
    scores: list[float], age: int, half_life: int, weight: float
) -> None:
    given_scores = np.array(scores, np.float32)
    now = 5 * 10**6
    freshness = Freshness(half_life, weight)

    def at(moment: int) -> np.ndarray:
        return faded(freshness, given_scores, np.full(len(scores), moment), now)

    np.testing.assert_array_equal(at(now), given_scores)
    np.testing.assert_array_equal(at(now + 7), given_scores)
    assert (at(now - age) <= given_scores).all()
    assert (at(now - 2 * age) <= at(now - age)).all()
    assert (at(NO_TIME) <= at(now - age)).all()
    halved = faded(
        Freshness(half_life, 1.0), given_scores, np.full(len(scores), now - half_life), now
    )
    expected = np.where(given_scores > 0, given_scores / 2, 1.5 * given_scores)
    np.testing.assert_allclose(halved, expected, rtol=1e-6)
