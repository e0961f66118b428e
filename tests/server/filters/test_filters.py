"""Filters: what is read, what is refused and where, and which items pass."""

import contextlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.bitmaps import unpack_bitmap
from shortlist.server.errors import FieldInvalid, FilterSyntax, FilterUnknownField
from shortlist.server.filters.compile import evaluate_filter
from shortlist.server.filters.parse import BYTES_MAX, DEPTH_MAX, VALUES_MAX, parse_filter
from shortlist.server.filters.tree import And, Comparison, Not, Or
from shortlist.server.serving.attributes import FILTERS_MAX, ItemAttributes
from tests.oracles.filters import allows

ROWS: list[dict[str, Any]] = [
    {"city": "Rome", "year": 1999, "tags": ["old", "film"], "free": True, "price": 1.5},
    {"city": "New York", "year": 2001, "tags": [], "free": False, "price": -2.25},
    {"city": None, "year": None, "tags": None, "free": None, "price": None},
    {"city": "rome", "year": 2000, "tags": ["new", "film"], "free": True, "price": 1e300},
    {"city": 'the "Hague"', "year": -5, "tags": ["old"], "free": False, "price": 0.0},
]
TIMES = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
for _row, _time in zip(ROWS, [*TIMES, None], strict=True):
    _row["published"] = _time
TABLE = pa.table(
    {
        "city": pa.array([row["city"] for row in ROWS]),
        "year": pa.array([row["year"] for row in ROWS], pa.int32()),
        "tags": pa.array([row["tags"] for row in ROWS], pa.list_(pa.string())),
        "free": pa.array([row["free"] for row in ROWS]),
        "price": pa.array([row["price"] for row in ROWS]),
        "published": pa.array([row["published"] for row in ROWS], pa.timestamp("us", "UTC")),
    }
)


def passing(text: str, table: pa.Table = TABLE) -> list[int]:
    return np.flatnonzero(evaluate_filter(parse_filter(text), table)).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('city = "Rome"', [0]),
        ("city = Rome", [0]),
        ("city:rome", [0, 3]),
        ('city != "Rome"', [1, 3, 4]),
        ('NOT city = "Rome"', [1, 2, 3, 4]),
        ('-city = "Rome"', [1, 2, 3, 4]),
        ("city:*", [0, 1, 3, 4]),
        ("NOT city:*", [2]),
        (r"city = 'the \"Hague\"'", [4]),
        ("year >= 2000", [1, 3]),
        ("year < 1999.5", [0, 4]),
        ("year = -5", [4]),
        ("year IN (1999, 2001)", [0, 1]),
        (f"year IN (1999.0, 2001, {2**70})", [0, 1]),
        (f"year IN (1999, {2**70})", [0]),
        ("NOT year IN (1999, 2001)", [2, 3, 4]),
        ('city IN ("Rome", "New York")', [0, 1]),
        ("free IN (true, true)", [0, 3]),
        ("price IN (1.5, 0)", [0, 4]),
        ("published IN (2026-01-02, 2026-01-04)", [1, 3]),
        ("tags:film", [0, 3]),
        ("tags:film AND NOT tags:old", [3]),
        ("tags:*", [0, 1, 3, 4]),
        ("NOT(tags:*)", [2]),
        ("free = true", [0, 3]),
        ("free != true", [1, 4]),
        ("price > 1e299 OR price < -2", [1, 3]),
        ("published >= 2026-01-03", [2, 3]),
        ("published > 2026-01-01T12:00:00Z", [1, 2, 3]),
        ('published < "2026-01-02T01:00:00+02:00"', [0]),
        ("year = 1999 OR year = 2000 AND free = true", [0, 3]),  # OR binds closer
        ("year = 1999 OR (year = 2001 AND free = true)", [0]),
        ('"city" = "Rome" AND (((year > 0)))', [0]),
    ],
)
def test_a_filter_passes_these_items(text: str, rows: list[int]) -> None:
    assert passing(text) == rows


CODED = pa.dictionary(pa.int32(), pa.string())
ODD = pa.table(
    {
        "ratio": pa.array([0.1, None, math.nan, 2], pa.float32()),
        "half": pa.array(np.array([0.5, 1, 2, math.nan], np.float16)),
        "big": pa.array([2**63 + 1, 2**63 - 1, None, 5], pa.uint64()),
        "small": pa.array([-128, 127, None, 2], pa.int8()),
        "euros": pa.array([Decimal("1.10"), Decimal("-3"), None, Decimal("0")]),
        "postcode": pa.array(["02134", "2134", None, "2026-01-02"]),
        "day": pa.array([date(2026, 1, 2), date(1960, 2, 29), None, date(2026, 1, 3)]),
        "nothing": pa.nulls(4),
        "marks": pa.array([[0.1, None], None, [], [math.nan, 2]], pa.list_(pa.float32())),
        "kinds": pa.array([["a"], None, [], ["b", "a"]], pa.list_(CODED)),
        "days": pa.array([[date(2026, 1, 2)], None, [], [None]]),
        "shape": pa.array([{"x": 1}, None, None, None]),
        **{f"{word}é": pa.array([2, 1, 1, 3]) for word in ("NOT", "IN")},
        **{f"{word}é": pa.array([2, 2, 1, 3]) for word in ("OR", "AND")},
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("ratio = 0.1", [0]),
        ("ratio != 0.1", [3]),
        ("ratio:*", [0, 3]),
        ("ratio < 1e400", [0, 3]),
        ("half <= 1", [0, 1]),
        (f"big = {2**63 - 1}", [1]),
        (f"big > {2**63 - 1}", [0]),
        ("big > -1.5", [0, 1, 3]),
        ("big < 5.5", [3]),
        ("small = 2.0", [3]),
        ("small != 2.5", [0, 1, 3]),
        ("small >= 2.5", [1]),
        ("small <= -127.5", [0]),
        (f"small < {10**30}", [0, 1, 3]),
        ("small > 128", []),
        ("small = 1e400 OR small < -1e400", []),
        ("euros = 1.1", [0]),
        ("euros <= 0", [1, 3]),
        ("postcode = 02134", [0]),
        ("postcode:2134", [0, 1]),
        ("postcode = 2026-01-02", [3]),
        ("day >= 2026-01-02T12:00:00Z", [3]),
        ("day < 1970-01-01", [1]),
        ("nothing = 1 OR nothing:a OR nothing:*", []),
        ("marks:0.1", [0]),
        ("kinds:a", [0, 3]),
        ("days:2026-01-02", [0]),
        ("shape:*", [0]),
        ("NOTé = 1 AND ORé = 2 AND ANDé:* AND INé < 3", [1]),
    ],
)
def test_every_type_of_column_compares_exactly(text: str, rows: list[int]) -> None:
    assert passing(text, ODD) == rows


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_a_moment_is_the_millisecond_it_lies_in(unit: str) -> None:
    """An item is found by its own time, whatever is behind the milliseconds."""
    micros = [1_500, 1_999, 2_000, -1, -1_500]
    scale = 1000 if unit == "ns" else 1
    times = pa.array([scale * micro for micro in micros], pa.timestamp(unit, "Asia/Tokyo"))
    table = pa.table({"at": times})
    for row, micro in enumerate(micros):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micro)
        same = [place for place, other in enumerate(micros) if other // 1000 == micro // 1000]
        assert row in same
        assert passing(f'at = "{moment.isoformat()}"', table) == same
        later = [place for place, other in enumerate(micros) if other // 1000 >= micro // 1000]
        assert passing(f"at >= {moment.isoformat()}", table) == later


LITERALS = ["1", "-1", "0.1", "1e400", f"{2**64}", '"a"', "true", "0001-01-01", "a", "*"]


@pytest.mark.parametrize("name", ODD.column_names)
def test_any_value_beside_any_column_is_an_answer_or_a_clear_error(name: str) -> None:
    for literal, operator in product(LITERALS, ["=", "!=", "<", ">=", ":"]):
        with contextlib.suppress(FilterSyntax):
            passing(f"{name}{operator}{literal}", ODD)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("city", 4),
        ("city =", 6),
        ("city = = 3", 7),
        ("(city = a", 9),
        ("city = a)", 8),
        ("city = a AND", 12),
        ("year = x", 7),
        ("year = 2000 AND free = 1", 23),
        ("free > true", 0),
        ("tags = film", 0),
        ("published > yesterday", 12),
        ("published > 2026-13-45", 12),
        ("city ~ a", 5),
        ('city = "open', 7),
    ],
)
def test_an_error_points_at_the_character(text: str, position: int) -> None:
    with pytest.raises(FilterSyntax) as failure:
        passing(text)
    assert failure.value.field == "filter"
    assert int(failure.value.metadata["position"]) == position


def test_an_unknown_attribute_lists_the_known_ones() -> None:
    with pytest.raises(FilterUnknownField, match="'town'; known are city, free, price") as failure:
        passing("city = a OR town = b")
    assert failure.value.metadata["found"] == "town"
    assert failure.value.metadata["position"] == "12"


def test_what_is_too_long_too_deep_or_too_wide_is_refused() -> None:
    long = 'city = "' + "x" * BYTES_MAX + '"'
    with pytest.raises(FilterSyntax, match=f"at most {BYTES_MAX}"):
        parse_filter(long)
    deep = "(" * DEPTH_MAX + "year = 1" + ")" * DEPTH_MAX
    assert isinstance(parse_filter(deep), Comparison)
    with pytest.raises(FilterSyntax, match="nests deeper"):
        parse_filter(f"({deep})")
    assert parse_filter('city = "' + "(" * 99 + '"')  # no nesting: text
    values = ",".join(["1"] * VALUES_MAX)
    assert parse_filter(f"year IN ({values})")
    with pytest.raises(FilterSyntax, match=f"at most {VALUES_MAX}"):
        parse_filter(f"year IN ({values},1)")


NAMES = st.sampled_from(["city", "year", "tags", "free", "price", "published"])
VALUES = {
    "city": st.sampled_from(["Rome", "rome", "new york", "e", "nowhere"]),
    "year": st.sampled_from([1999, 2000, 2000.5, -5]),
    "tags": st.sampled_from(["old", "film", "none"]),
    "free": st.booleans(),
    "price": st.sampled_from([0, 1.5, -2.25, 1e300]),
    "published": st.sampled_from(["2026-01-02", "2026-01-02T00:00:00.5Z"]),
}
OPERATORS = {"tags": [":"], "free": ["=", "!=", ":"], "city": ["=", "!=", "<", ">=", ":"]}


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    name = draw(NAMES)
    if draw(st.integers(0, 5)) == 0:
        return f"{name}:*"
    values = [draw(VALUES[name]) for _ in range(draw(st.integers(1, 3)))]
    shown = [json.dumps(value) for value in values]
    operator = draw(st.sampled_from(OPERATORS.get(name, ["=", "!=", "<", "<=", ">", ">=", ":"])))
    if len(values) > 1 and name != "tags":
        return f"{name} IN ({', '.join(shown)})"
    return f"{name} {operator} {shown[0]}"


FILTERS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' AND '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
        inner.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=8,
)


@given(FILTERS)
def test_any_filter_passes_what_plain_python_passes(text: str) -> None:
    tree = parse_filter(text)
    assert isinstance(tree, And | Or | Not | Comparison)
    expected = [row for row, item in enumerate(ROWS) if allows(tree, item)]
    assert passing(text) == expected
    chunked = pa.concat_tables([TABLE.slice(0, 2), TABLE.slice(2)])
    assert passing(text, chunked) == expected
    coded = TABLE.set_column(0, "city", TABLE["city"].dictionary_encode())
    assert passing(text, coded) == expected


PIECES = [*'=:-()"1*\\,', "city", "year", "AND", "OR", "NOT", "IN"]


@settings(max_examples=400)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join),
        st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    )
)
def test_any_text_is_a_filter_or_a_clear_error(text: str) -> None:
    """No crash, no hang; what is refused names the field and the character."""
    refused = None
    try:
        assert set(passing(text)) <= set(range(len(ROWS)))
    except FieldInvalid as error:
        refused = error
    if refused:
        assert str(refused).startswith("filter: ")
        assert 0 <= int(refused.metadata["position"]) <= len(text)


def test_filters_are_kept_and_the_oldest_forgotten() -> None:
    attributes = ItemAttributes(TABLE, len(ROWS))
    first = attributes.filtered("year > 0")
    assert attributes.filtered("year > 0") is first
    for year in range(FILTERS_MAX):
        found = unpack_bitmap(attributes.filtered(f"year = {year}"), len(ROWS))
        assert found.tolist() == [row["year"] == year for row in ROWS]
    assert attributes.filtered("year > 0") is not first
    assert len(attributes._filters) == FILTERS_MAX


def test_threads_that_share_the_kept_filters_get_their_own() -> None:
    """More filters than are kept, asked for by many threads at once."""
    attributes = ItemAttributes(TABLE, len(ROWS))
    texts = [f"year < {1995 + number % (FILTERS_MAX + 20)}" for number in range(600)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(attributes.filtered, texts))
    for text, bitmap in zip(texts, found, strict=True):
        assert np.flatnonzero(unpack_bitmap(bitmap, len(ROWS))).tolist() == passing(text)
    assert len(attributes._filters) == FILTERS_MAX


def test_a_model_without_attributes_knows_none() -> None:
    with pytest.raises(FilterUnknownField, match="known are none"):
        ItemAttributes(None, 3).filtered("city = Rome")
