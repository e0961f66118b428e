"""What a request says of a user: the same features as a row of a table has."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.errors import SettingInvalid
from shortlist.server.domain.query import GivenValue
from shortlist.server.features.features import encode_features, find_features
from shortlist.server.features.given import GivenFeatures

TABLE = pa.table(
    {
        "city": ["Bonn", "Rome", "Kyiv"] * 4,
        "tags": ["a|b", "b|c", "c|a", ""] * 3,
        "moods": [["dark"], ["odd", "dark"], ["odd"], None] * 3,
        "about": [f"Likes café no. {i} and tea" for i in range(12)],
        "new": [True, False] * 6,
        "age": [1, 18, 25, 35] * 3,
        "weight": [float(i * i) for i in range(12)],
        "since": [date(2020, 1, 1 + i) for i in range(12)],
    }
)
DESCRIBED = find_features(TABLE, TABLE.column_names)
GIVEN = GivenFeatures(DESCRIBED)


def of_row(table: pa.Table) -> dict[int, float]:
    """Return the features of a table of one row, the constant aside."""
    columns, values = encode_features(DESCRIBED, table).row(0)
    return {int(c): float(v) for c, v in zip(columns, values, strict=True) if c}


def assert_same(found: dict[int, float], expected: dict[int, float]) -> None:
    assert found.keys() == expected.keys()
    for place, value in found.items():
        assert value == pytest.approx(expected[place], rel=1e-6)


TEXT = st.one_of(
    st.sampled_from(["Bonn", "a|b", " Rome ", "|a||c ", "CAFÉ, tea!", "Likes"]),
    st.text(max_size=12),
)


@settings(max_examples=200, deadline=None)
@given(TEXT, TEXT, st.lists(TEXT, max_size=3), TEXT, st.booleans(), st.floats(-1e6, 1e6))
def test_a_query_has_the_features_of_a_row(
    city: str, tags: str, moods: list[str], about: str, new: bool, age: float
) -> None:
    row: dict[str, Any] = {
        "city": city,
        "tags": tags,
        "moods": moods,
        "about": about,
        "new": new,
        "age": age,
    }
    types = {"moods": pa.list_(pa.string())}
    table = pa.table({name: pa.array([one], types.get(name)) for name, one in row.items()})
    values, _ = GIVEN.encode(row | {"moods": tuple(moods)})
    assert_same(values, of_row(table))


@pytest.mark.parametrize(
    ("column", "value", "same"),
    [
        ("age", "25", 25),
        ("age", 25.0, 25),
        ("weight", "1e3", 1000.0),
        ("since", "2020-01-05", date(2020, 1, 5)),
        ("since", "2020-01-05T12:00:00+02:00", datetime(2020, 1, 5, 10, tzinfo=UTC)),
        ("new", "true", True),
        ("city", ("Rome",), "Rome"),
        ("about", ("Tea", "no"), "tea NO"),
    ],
)
def test_numbers_and_times_may_be_text(column: str, value: GivenValue, same: object) -> None:
    values, unknown = GIVEN.encode({column: value})
    assert_same(values, of_row(pa.table({column: [same]})))
    assert values
    assert not unknown


def test_a_code_may_be_given_as_a_number() -> None:
    codes = pa.table({"zip": ["55117", "00501", "7.5"] * 3})
    reader = GivenFeatures(find_features(codes, ["zip"]))
    assert reader.encode({"zip": 55117.0}) == reader.encode({"zip": "55117"})
    assert reader.encode({"zip": 7.5})[1] == []


def test_what_nobody_shares_is_told_but_for_words() -> None:
    given_: dict[str, GivenValue] = {
        "city": "Oslo",
        "tags": "a|zzz",
        "moods": ("calm",),
        "about": "never heard",
    }
    values, unknown = GIVEN.encode(given_)
    assert unknown == ["Oslo", "zzz", "calm"]
    assert len(values) == 1
    assert GIVEN.encode({}) == ({}, [])


@pytest.mark.parametrize("value", ["soon", "", "nan", "inf", True, ("1", "2")])
def test_what_is_no_number_is_refused(value: GivenValue) -> None:
    with pytest.raises(SettingInvalid, match="ISO 8601") as caught:
        GIVEN.encode({"age": value})
    assert (caught.value.field, caught.value.found) == ("age", value)


def test_an_attribute_without_features_is_refused_with_those_that_have_some() -> None:
    with pytest.raises(SettingInvalid, match="city, tags, moods") as caught:
        GIVEN.encode({"height": 3.0})
    assert caught.value.field == "height"
    assert np.isinf(DESCRIBED[-1].high)
