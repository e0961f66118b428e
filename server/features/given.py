"""What a request says of a user, as values of the features that training found.

The same values as encode_features gives a table of one row, in microseconds instead of
milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite

import numpy as np

from shortlist.core.errors import SettingInvalid
from shortlist.server.domain.query import GivenValue
from shortlist.server.features.features import (
    DAY_MS,
    MAGNITUDE_MAX,
    Feature,
    standard_score,
)
from shortlist.server.features.tokens import TokenKind, tokens_of_text


class GivenFeatures:
    """Encodes columns by the features found in them; immutable, used by many threads."""

    def __init__(self, described: Sequence[Feature]) -> None:
        self._places: dict[str, list[int]] = {}  # of each column's features, the constant aside
        for place, feature in enumerate(described):
            if feature.column:
                self._places.setdefault(feature.column, []).append(place)
        self._described = described
        self._tokens = {
            (feature.column, feature.text): place
            for place, feature in enumerate(described)
            if feature.text
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that features were found in."""
        return tuple(self._places)

    def encode(self, given: Mapping[str, GivenValue]) -> tuple[dict[int, float], list[str]]:
        """Return the values by place, and the texts that no feature stands for.

        Numbers may be given as text, and times are (ISO 8601); texts may be given as numbers.
        Raises SettingInvalid (field: the column) for a column that makes no feature, and for a
        value that is of another kind.
        """
        values: dict[int, float] = {}
        unknown: list[str] = []
        for column, value in given.items():
            if column not in self._places:
                raise SettingInvalid(column, value, f"one of {', '.join(self.columns)}")
            kind = self._described[self._places[column][0]].kind
            if kind in ("number", "part"):
                values |= self._of_number(column, _number(column, value))
                continue
            for token in _tokens(value, kind):  # type: ignore[arg-type] # the other kinds
                place = self._tokens.get((column, token))
                if place is not None:
                    values[place] = 1.0
                elif kind != "word":
                    unknown.append(token)
        return values, unknown

    def _of_number(self, column: str, number: float) -> dict[int, float]:
        values: dict[int, float] = {}
        if abs(number) > MAGNITUDE_MAX:
            return values
        for place in self._places[column]:
            feature = self._described[place]
            if feature.kind == "number":
                values[place] = float(standard_score(np.array([number]), feature)[0])
            elif feature.low <= number < feature.high:
                values[place] = 1.0
        return values


def _tokens(value: GivenValue, kind: TokenKind) -> list[str]:
    if isinstance(value, tuple):
        of_each: TokenKind = "word" if kind == "word" else "category"
        return [token for text in value for token in tokens_of_text(text, of_each)]
    return tokens_of_text(_text(value), kind)


def _text(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(int(value)) if value.is_integer() else repr(value)


def _number(column: str, value: GivenValue) -> float:
    """Return a number as it is, a time as days since 1970."""
    number = _number_of_text(value) if isinstance(value, str) else value
    if isinstance(number, bool | tuple) or not isfinite(number):
        raise SettingInvalid(column, value, "a finite number, or a time as ISO 8601")
    return number


def _number_of_text(text: str) -> float:
    """Return NaN where it is neither a number nor a time."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return float("nan")
    whole = time if time.tzinfo else time.replace(tzinfo=UTC)
    return whole.timestamp() * 1000 / DAY_MS
