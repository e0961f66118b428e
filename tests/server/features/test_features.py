"""Attributes become features: which, with what values, and the same ones again later."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.interactions import Interactions, checked_interactions
from shortlist.core.limits import FEATURES_MAX
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.features.features import (
    SUPPORT_MIN,
    Feature,
    encode_features,
    find_features,
)
from shortlist.server.features.schema import FeatureSchema
from shortlist.server.features.stored import schema_of_table, schema_to_table


def dense(matrix: Interactions) -> np.ndarray:
    found = np.zeros((matrix.row_count, matrix.column_count), np.float32)
    for row in range(matrix.row_count):
        columns, values = matrix.row(row)
        found[row, columns] = values
    return found


def texts(features: tuple[Feature, ...], kind: str) -> list[str]:
    return [one.text for one in features if one.kind == kind]


def test_texts_are_categories_tags_or_words() -> None:
    """Few values: categories. A bar somewhere, or lists: tags. Mostly different: words."""
    table = pa.table(
        {
            "city": ["Bonn", "Rome", "Bonn", None, "Rome", "Rome", "Bonn", "Kyiv"],
            "genres": ["Crime|Drama", "Drama", "Crime", "Crime | Drama", "", None, "War", "Drama"],
            "moods": [["dark"], ["dark", "dark"], [], None, ["dark"], ["odd"], ["odd"], ["odd"]],
            "title": [f"The Film no. {i}, café" for i in range(8)],
            "new": [True, False, True, True, False, None, False, None],
        }
    )
    features = find_features(table, ("city", "genres", "moods", "title", "new"))
    assert features[0] == Feature("", "constant")
    assert texts(features, "category") == ["Bonn", "Rome", "false", "true"]
    assert texts(features, "tag") == ["Crime", "Drama", "dark", "odd"]
    assert texts(features, "word") == ["café", "film", "no", "the"]
    values = dense(encode_features(features, table))
    names = [one.text or one.kind for one in features]
    assert values[:, 0].tolist() == [1] * 8
    assert values[:, names.index("Rome")].tolist() == [0, 1, 0, 0, 1, 1, 0, 0]
    assert values[:, names.index("Crime")].tolist() == [1, 0, 1, 1, 0, 0, 0, 0]
    assert values[:, names.index("dark")].tolist() == [1, 1, 0, 0, 1, 0, 0, 0]
    assert values[:, names.index("café")].tolist() == [1] * 8


@pytest.mark.parametrize(
    "column",
    [
        pa.array([*range(1970, 2010), None]),
        pa.array([*(float(year) for year in range(1970, 2010)), float("nan")]),
        pa.array([*(date(1990, 1 + day // 20, 1 + day % 20) for day in range(40)), None]),
        pa.array([*(10**12 + day * 86_400_000 for day in range(40)), None], pa.timestamp("ms")),
    ],
    ids=["integers", "floats", "dates", "timestamps"],
)
def test_numbers_and_times_are_scored_and_parted(column: pa.Array) -> None:
    """A standard score and ten parts of four each; nothing known is nothing said."""
    table = pa.table({"of": column})
    features = find_features(table, ["of"])
    assert [one.kind for one in features] == ["constant", "number", *["part"] * 10]
    values = dense(encode_features(features, table))
    days = [one.toordinal() if isinstance(one, date) else one for one in column.to_pylist()[:40]]
    steps = np.array(days if isinstance(days[0], int | float) else range(40), np.float64)
    np.testing.assert_allclose(values[:40, 1], (steps - steps.mean()) / steps.std(), rtol=1e-5)
    np.testing.assert_array_equal(values[:40, 2:], np.repeat(np.eye(10), 4, axis=0))
    assert values[40].tolist() == [1] + [0] * 11


@pytest.mark.parametrize(("count", "parts"), [(2, 2), (32, 32), (33, 10)])
def test_few_values_of_a_number_are_a_part_each(count: int, parts: int) -> None:
    """A number may be a code: its neighbours then say nothing of it."""
    table = pa.table({"of": np.repeat(np.arange(count) ** 2, 5)})
    features = find_features(table, ["of"])
    assert [one.kind for one in features] == ["constant", "number", *["part"] * parts]
    values = dense(encode_features(features, table))[:, 2:]
    assert (values.sum(axis=1) == 1).all()
    assert (values.sum(axis=0) >= 5).all()


def test_items_that_come_later_are_placed_by_the_stored_features() -> None:
    """Unknown tokens, numbers beyond the known range and missing columns included."""
    table = pa.table({"kind": ["a", "b"] * 6, "year": list(range(12)), "tags": [["x"]] * 12})
    features = find_features(table, ("kind", "year", "tags"))
    stored = schema_of_table(schema_to_table(FeatureSchema(features)))
    assert stored == FeatureSchema(features)
    expected = dense(encode_features(features, table))
    np.testing.assert_array_equal(dense(stored.of_table(table)), expected)
    later = pa.table({"year": [99, None], "kind": ["a", "new"]})
    values = dense(encode_features(features, later))
    known = [(one.kind, one.text) for one, value in zip(features, values[0], strict=True) if value]
    assert known == [("constant", ""), ("category", "a"), ("number", ""), ("part", "")]
    assert values[1].nonzero()[0].tolist() == [0]
    np.testing.assert_array_equal(dense(stored.of_table(later)), values)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.text(max_size=12)),
            st.one_of(st.none(), st.floats()),
            st.one_of(st.none(), st.lists(st.sampled_from(["p", "q", "", " r"]), max_size=3)),
        ),
        max_size=30,
    )
)
def test_whatever_the_attributes_the_matrix_is_sound(
    rows: list[tuple[str | None, float | None, list[str] | None]],
) -> None:
    columns = [
        pa.array([row[i] for row in rows], kind)
        for i, kind in enumerate((pa.string(), pa.float64(), pa.list_(pa.string())))
    ]
    table = pa.table(columns, names=["text", "number", "list"])
    for name in table.column_names:
        try:
            features = find_features(table, [name])
        except DataSourceInvalid:
            continue
        values = encode_features(features, table)
        checked = checked_interactions(
            values.row_starts, values.columns, values.values, len(features)
        )
        assert checked.row_count == len(rows)


def test_the_rarest_tokens_go_where_there_are_too_many() -> None:
    tokens = [f"t{i:05d}" for i in range(FEATURES_MAX + 10)]
    often, rare = tokens[:2000], tokens[2000:]
    table = pa.table({"tags": [often, often, *[tokens] * SUPPORT_MIN, rare[:50]]})
    features = find_features(table, ["tags"])
    assert texts(features, "tag") == tokens[:2050]
    assert len(features) <= FEATURES_MAX


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("colour", "no such attribute; the attributes are kind, when, same, all"),
        ("when", "type struct"),
        ("same", "no value that"),
        ("all", "no value that"),
    ],
)
def test_columns_that_say_nothing_are_named(column: str, message: str) -> None:
    table = pa.table(
        {
            "kind": ["a"] * 4,
            "when": [{"day": 1}] * 4,
            "same": [1.0] * 4,
            "all": pa.array([None] * 4, pa.string()),
        }
    )
    with pytest.raises(DataSourceInvalid, match=message) as caught:
        find_features(table, ["kind", column])
    assert caught.value.column == column
