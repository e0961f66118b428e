"""What is known of a user beside events: stored by the training, or said in a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shortlist.core.data.interactions import Interactions, single_row
from shortlist.core.errors import SettingInvalid
from shortlist.server.domain.query import GivenValue
from shortlist.server.errors import FieldInvalid
from shortlist.server.features.schema import FeatureSchema
from shortlist.server.serving.known_items import ascending

_CONSTANT = 0  # the place of the feature that everybody has


@dataclass(frozen=True, slots=True)
class Told:
    """The features of one user."""

    values: Interactions  # (1, features)
    is_personal: bool  # more than what holds for everybody
    unknown: list[str]  # texts that no feature stands for


@dataclass(frozen=True, slots=True)
class UserFeatures:
    """The schema of a model's users and what training knew of them; used by many threads."""

    schema: FeatureSchema
    stored: Interactions | None  # users x features; None: of nobody

    def of(self, row: int | None, given: Mapping[str, GivenValue], path: str) -> Told | None:
        """Return what is known of a user; None: nothing is stored, and nothing is said.

        row: of a user of the training, None for another. A given attribute takes the place of the
        stored one. Raises FieldInvalid for attributes that make no feature; `path` is theirs.
        """
        stored = None if row is None else self.stored
        if not given and stored is None:
            return None
        values, unknown = self._encoded(given, path)
        values[_CONSTANT] = 1.0
        if stored is not None:
            assert row is not None
            places, numbers = stored.row(row)
            kept = ~np.isin(self.schema.column_of[places], list(given))
            values |= dict(zip(places[kept].tolist(), numbers[kept].tolist(), strict=True))
        row_of_one = single_row(*ascending(values), len(self.schema))
        return Told(row_of_one, len(values) > 1, unknown)

    def _encoded(
        self, given: Mapping[str, GivenValue], path: str
    ) -> tuple[dict[int, float], list[str]]:
        try:
            return self.schema.of_query(given)
        except SettingInvalid as wrong:
            problem = f"{wrong.found!r} is not allowed: {wrong.allowed}"
            if wrong.field not in self.schema.columns:
                known = ", ".join(self.schema.columns)
                problem = f"is no feature of the users; those are {known}"
            place = f"{path}[{wrong.field!r}]"
            raise FieldInvalid(place, problem, found=wrong.found) from wrong
