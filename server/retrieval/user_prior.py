"""Where the vector of a user is drawn to before any event is known: by features, or to the mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shortlist.core.data.interactions import FloatArray, Interactions, single_row
from shortlist.core.errors import SettingInvalid
from shortlist.core.wals.fold_in import FoldIn
from shortlist.server.domain.query import GivenValue
from shortlist.server.errors import FieldInvalid
from shortlist.server.features.given import GivenFeatures
from shortlist.server.features.stored import FeatureMap

_CONSTANT = 0  # the place of the feature that everybody has


@dataclass(frozen=True, slots=True)
class Center:
    """What is known of one user without events."""

    vector: FloatArray  # (dim,)
    is_told: bool  # more than what holds for everybody
    unknown: list[str]  # texts that no feature stands for


class UserPrior:
    """The features of a model's users, where they have any; immutable, used by many threads."""

    def __init__(self, features: FeatureMap, stored: Interactions | None, fold_in: FoldIn) -> None:
        """stored (users, features): of the users of the training."""
        self._map, self._stored, self._fold_in = features, stored, fold_in
        self._given = GivenFeatures(features.described)
        self._column_of = np.array([one.column for one in features.described])
        self._of_nobody = Center(features.of_nobody[0], False, [])

    @property
    def columns(self) -> tuple[str, ...]:
        """The attributes that make features."""
        return self._given.columns

    def center(self, row: int | None, given: Mapping[str, GivenValue], path: str) -> Center:
        """Return where a user is drawn to: by what is stored of them, and what a query says of it.

        row: of a user of the training, None for another. A given attribute takes the place of the
        stored one. Raises FieldInvalid for attributes that make no feature; `path` is theirs.
        """
        stored = None if row is None else self._stored
        if not given and stored is None:
            return self._of_nobody
        values, unknown = self._encoded(given, path)
        values[_CONSTANT] = 1.0
        if stored is not None:
            assert row is not None
            places, numbers = stored.row(row)
            kept = ~np.isin(self._column_of[places], list(given))
            values |= dict(zip(places[kept].tolist(), numbers[kept].tolist(), strict=True))
        places = np.array(sorted(values), dtype=np.int32)
        numbers = np.array([values[place] for place in places.tolist()], dtype=np.float32)
        of_one = single_row(places, numbers, len(self._column_of))
        return Center(self._map.place(of_one)[0], len(values) > 1, unknown)

    def solve(self, histories: Interactions, center: FloatArray) -> FloatArray:
        """Return the vectors (rows, dim) of histories (rows, items) of the user at a center."""
        return self._fold_in.solve(histories, prior=center[np.newaxis])

    def _encoded(
        self, given: Mapping[str, GivenValue], path: str
    ) -> tuple[dict[int, float], list[str]]:
        try:
            return self._given.encode(given)
        except SettingInvalid as wrong:
            problem = f"{wrong.found!r} is not allowed: {wrong.allowed}"
            if wrong.field not in self.columns:
                known = ", ".join(self.columns)
                problem = f"is no feature of the users; those are {known}"
            place = f"{path}[{wrong.field!r}]"
            raise FieldInvalid(place, problem, found=wrong.found) from wrong
