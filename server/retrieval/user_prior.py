"""Where features draw the vector of a user: to a linear map of them, before any event is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shortlist.core.errors import SettingInvalid
from shortlist.core.fold_in import FoldIn
from shortlist.core.interactions import FloatArray, Interactions, single_row
from shortlist.server.errors import FieldInvalid
from shortlist.server.features.given import GivenFeatures, GivenValue
from shortlist.server.features.stored import FeatureMap

_CONSTANT = 0  # the place of the feature that everybody has


@dataclass(frozen=True, slots=True)
class Center:
    """What the features of one user say."""

    vector: FloatArray  # (dim,)
    is_told: bool  # more than what holds for everybody
    unknown: list[str]  # texts that no feature stands for


class UserPrior:
    """The features of a model's users; immutable, used by many threads."""

    def __init__(self, features: FeatureMap, stored: Interactions, fold_in: FoldIn) -> None:
        """stored (users, features): of the users of the training."""
        self._map, self._stored, self._fold_in = features, stored, fold_in
        self._given = GivenFeatures(features.described)
        self._columns = np.array([one.column for one in features.described])

    def center(self, row: int | None, given: Mapping[str, GivenValue], path: str) -> Center:
        """Return where a user is drawn to: by what is stored of them, and what a query says of it.

        row: of a user of the training, None for another. A given attribute takes the place of the
        stored one. Raises FieldInvalid for attributes that make no feature; `path` is theirs.
        """
        try:
            values, unknown = self._given.encode(given)
        except SettingInvalid as wrong:
            place = f"{path}[{wrong.field!r}]"
            problem = f"{wrong.found!r} is not allowed: {wrong.allowed}"
            if wrong.field not in self._given.columns:
                known = ", ".join(self._given.columns)
                problem = f"is no feature of the users; those are {known}"
            raise FieldInvalid(place, problem, found=wrong.found) from wrong
        values[_CONSTANT] = 1.0
        if row is not None:
            places, stored = self._stored.row(row)
            kept = ~np.isin(self._columns[places], list(given))
            values |= dict(zip(places[kept].tolist(), stored[kept].tolist(), strict=True))
        places = np.array(sorted(values), dtype=np.int32)
        numbers = np.array([values[place] for place in places.tolist()], dtype=np.float32)
        of_one = single_row(places, numbers, len(self._columns))
        return Center(self._map.place(of_one)[0], len(values) > 1, unknown)

    def solve(self, histories: Interactions, center: FloatArray) -> FloatArray:
        """Return the vectors (rows, dim) of histories (rows, items) of the user at a center."""
        prior = np.repeat(center[np.newaxis], histories.row_count, axis=0)
        return self._fold_in.solve(histories, prior=prior)
