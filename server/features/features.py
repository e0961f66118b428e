"""Which features a table of attributes has, and the values of them that its rows have.

Texts become one feature a token that some rows share (tokens.py). Numbers and times become their
standard score, and one feature for each tenth of the values, or for each value where there are few,
so that a map that is linear in the features need not be linear in the number. What was found is
kept with the model: an item or a user that comes later is encoded by the same features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from shortlist.core.data.interactions import Interactions, LongArray
from shortlist.core.limits import FEATURES_MAX
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.features.tokens import TokenKind, holds_text, token_kind, tokens_of

SUPPORT_MIN = 3  # rows that share a token; a rarer one says too little
PARTS = 10  # of a number's range, about equally many rows in each
VALUES_MAX = 32  # of a number that is a part each: it may well be a code
SCORE_MAX = 4.0  # standard deviations; one odd number must not throw its row out of the space
MAGNITUDE_MAX = 1e100  # beyond it a number says nothing
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Feature:
    """One coordinate of what is known of an item or a user."""

    column: str  # of the attributes; empty: the constant 1
    kind: str  # constant, category, tag, word, number (its standard score) or part (of the range)
    text: str = ""  # the token
    low: float = 0.0  # number: the mean; part: least value
    high: float = 0.0  # number: the standard deviation; part: what its values stay below


NO_FEATURES = (Feature("", "constant"),)  # what every row has


def find_features(table: pa.Table, columns: Sequence[str], file: str = "") -> tuple[Feature, ...]:
    """Return the features of the columns, in the columns' order; the constant is the first.

    Where there are more than FEATURES_MAX the most frequent tokens are kept. Raises
    DataSourceInvalid for a column that is not there, has a type that says nothing, or no value.
    """
    supported: list[tuple[int, Feature]] = []
    for name in columns:
        if name not in table.column_names:
            known = f"no such attribute; the attributes are {', '.join(table.column_names)}"
            raise DataSourceInvalid(known, file=file, column=name)
        column = _whole(table, name)
        if holds_text(column.type):
            of_column = _found_tokens(column, name)
        elif _is_number(column.type):
            of_column = [(len(table), feature) for feature in _found_parts(_numbers(column), name)]
        else:
            reason = f"type {column.type} makes no feature; texts, lists of them, numbers and times"
            raise DataSourceInvalid(f"{reason} do", file=file, column=name)
        if not of_column:
            reason = f"no value that {SUPPORT_MIN} rows share, so it makes no feature"
            raise DataSourceInvalid(reason, file=file, column=name)
        supported += of_column
    supports = sorted((support for support, _ in supported), reverse=True)
    least = supports[FEATURES_MAX - 1] + 1 if len(supported) >= FEATURES_MAX else 0
    return *NO_FEATURES, *(feature for support, feature in supported if support >= least)


def encode_features(features: Sequence[Feature], table: pa.Table) -> Interactions:
    """Return the values (rows, features) of a table; a column that it lacks says nothing."""
    rows = [np.arange(len(table))]
    columns = [np.zeros(len(table), np.int64)]
    values = [np.ones(len(table))]
    present = [feature.column for feature in features if feature.column in table.column_names]
    for name in dict.fromkeys(present):
        places = np.array([i for i, feature in enumerate(features) if feature.column == name])
        of_column = [features[place] for place in places]
        column = _whole(table, name)
        encode = _encoded_tokens if holds_text(column.type) else _encoded_numbers
        of_row, chosen, of_value = encode(of_column, column)
        rows.append(of_row)
        columns.append(places[chosen])
        values.append(of_value)
    return _sparse(rows, columns, values, len(table), len(features))


Entries = tuple[LongArray, LongArray, npt.NDArray[np.float64]]  # rows, features, values


def _found_tokens(column: pa.Array, name: str) -> list[tuple[int, Feature]]:
    """Return (support, feature) of each token, in the order of their texts."""
    kind = token_kind(column)
    counted = pc.value_counts(tokens_of(column, kind).texts)
    texts, counts = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
    pairs = sorted(zip(texts, counts, strict=True))
    return [(n, Feature(name, kind, text)) for text, n in pairs if n >= SUPPORT_MIN]


def _found_parts(numbers: npt.NDArray[np.float64], name: str) -> list[Feature]:
    known = numbers[np.isfinite(numbers)]
    spread = float(known.std()) if len(known) else 0.0
    if not spread:
        return []
    inner = np.unique(known)[1:]
    if len(inner) >= VALUES_MAX:
        inner = np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS))
    edges = [-np.inf, *inner.tolist(), np.inf]
    score = Feature(name, "number", "", float(known.mean()), spread)
    parts = (Feature(name, "part", "", low, high) for low, high in pairwise(edges))
    return [score, *parts]


def _encoded_tokens(features: Sequence[Feature], column: pa.Array) -> Entries:
    kind: TokenKind = features[0].kind  # type: ignore[assignment]
    tokens = tokens_of(column, kind)
    known = pa.array([feature.text for feature in features], pa.large_string())
    places = pc.fill_null(pc.index_in(tokens.texts, known), -1).to_numpy()
    is_known = places >= 0
    ones = np.ones(np.count_nonzero(is_known))
    return tokens.rows[is_known], places[is_known].astype(np.int64), ones


def _encoded_numbers(features: Sequence[Feature], column: pa.Array) -> Entries:
    numbers = _numbers(column)
    rows = []
    places = []
    values = []
    for place, feature in enumerate(features):
        if feature.kind == "number":
            chosen = np.isfinite(numbers)
            values.append(standard_score(numbers[chosen], feature))
        else:
            chosen = (numbers >= feature.low) & (numbers < feature.high)
            values.append(np.ones(np.count_nonzero(chosen)))
        rows.append(np.flatnonzero(chosen))
        places.append(np.full(len(rows[-1]), place))
    return np.concatenate(rows), np.concatenate(places), np.concatenate(values)


def _sparse(
    rows: list[LongArray],
    columns: list[LongArray],
    values: list[npt.NDArray[np.float64]],
    row_count: int,
    column_count: int,
) -> Interactions:
    of_row, of_column = np.concatenate(rows), np.concatenate(columns)
    order = np.lexsort((of_column, of_row))
    starts = np.zeros(row_count + 1, np.int64)
    np.cumsum(np.bincount(of_row, minlength=row_count), out=starts[1:])
    sorted_columns = of_column[order].astype(np.int32)
    sorted_values = np.concatenate(values)[order].astype(np.float32)
    return Interactions(starts, sorted_columns, sorted_values, column_count)


def standard_score(numbers: npt.NDArray[np.float64], feature: Feature) -> npt.NDArray[np.float64]:
    """Return how far numbers (n,) are from the mean of a number feature, in deviations."""
    with np.errstate(over="ignore"):
        scores = (numbers - feature.low) / feature.high
    return np.clip(scores, -SCORE_MAX, SCORE_MAX)


def _numbers(column: pa.Array) -> npt.NDArray[np.float64]:
    """Return a column as float64, NaN where nothing is known; times in days since 1970."""
    if pat.is_temporal(column.type):
        column = pc.divide(_milliseconds(column).cast(pa.float64()), float(DAY_MS))
    numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan)
    wide: npt.NDArray[np.float64] = numbers.to_numpy(zero_copy_only=False)
    return np.where(np.abs(wide) <= MAGNITUDE_MAX, wide, np.nan)


def _milliseconds(column: pa.Array) -> pa.Array:
    return column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())


def _is_number(kind: pa.DataType) -> bool:
    plain = pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind)
    return bool(plain or pat.is_timestamp(kind) or pat.is_date(kind))


def _whole(table: pa.Table, name: str) -> pa.Array:
    column = table[name].combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) and column.num_chunks else column
