"""Filters as texts: what is refused and where, and which are kept."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.bitmaps import unpack_bitmap
from shortlist.server.errors import FieldInvalid, FilterSyntax, FilterUnknownField
from shortlist.server.filters.parse import BYTES_MAX, DEPTH_MAX, VALUES_MAX, parse_filter
from shortlist.server.filters.tree import Comparison
from shortlist.server.serving.attributes import FILTERS_MAX, ItemAttributes
from tests.server.filters.filtered_tables import ROWS, TABLE, passing


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
