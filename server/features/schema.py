"""The schema of one side, items or users: which features there are, of a table or of a query.

Stored once a side with the model, whatever the algorithm; what an algorithm learned of the features
belongs to its encoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shortlist.core.data.interactions import Interactions
from shortlist.server.domain.query import GivenValue
from shortlist.server.features.features import Feature, encode_features, find_features
from shortlist.server.features.given import GivenFeatures


@dataclass(frozen=True)
class FeatureSchema:
    """Features in their order; immutable, used by many threads. The constant 1 is the first."""

    features: tuple[Feature, ...]

    def __len__(self) -> int:
        return len(self.features)

    @classmethod
    def find(cls, table: pa.Table, columns: Sequence[str], file: str = "") -> FeatureSchema:
        """Return the features of some columns. Raises DataSourceInvalid where there are none."""
        return cls(find_features(table, columns, file))

    @property
    def columns(self) -> tuple[str, ...]:
        """The attributes that make features."""
        return self._given.columns

    @cached_property
    def column_of(self) -> npt.NDArray[np.str_]:
        """(features,) the attribute that each is made of, empty for the constant."""
        return np.array([feature.column for feature in self.features])

    def of_table(self, table: pa.Table) -> Interactions:
        """Return the values (rows, features) of a table; a column that it lacks says nothing."""
        return encode_features(self.features, table)

    def of_query(self, given: Mapping[str, GivenValue]) -> tuple[dict[int, float], list[str]]:
        """Return the values by place, and the texts that no feature stands for.

        The same values as a table of one row has. Raises SettingInvalid (field: the column).
        """
        return self._given.encode(given)

    @cached_property
    def _given(self) -> GivenFeatures:
        return GivenFeatures(self.features)


@dataclass(frozen=True, slots=True)
class Features:
    """The features of all items, or of all users."""

    schema: FeatureSchema
    values: Interactions  # rows x features
