"""The one verb by which whoever asks becomes a vector, and what is handed to it.

Encoder
└── Additive   its vectors are sums over the history, so that scores can be explained
Scorer         of models without vectors: a score for every item
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, Interactions, LongArray, single_row

Part: TypeAlias = Literal["history", "features", "order"]


@dataclass(frozen=True, slots=True)
class Askers:
    """Users to encode; row i of each part is the same user."""

    histories: Interactions  # users x items, raw event values
    features: Interactions | None = None  # users x features of the schema; None: nothing is known
    order: LongArray | None = None  # (entries,) of the histories, larger is later; None: not known

    def __len__(self) -> int:
        return self.histories.row_count


def one_asker(
    rows: npt.NDArray[np.int32],
    values: FloatArray,
    item_count: int,
    features: Interactions | None = None,
) -> Askers:
    """Return one user with a history of ascending item rows (n,) and event values (n,)."""
    return Askers(single_row(rows, values, item_count), features)


class Encoder(Protocol):
    """Gives users a place among the items; immutable, used by many threads."""

    @property
    def offset_width(self) -> int:
        """Last coordinates of a vector, which hold biases and no direction."""
        ...

    @property
    def reads(self) -> Set[Part]:
        """What of an asker changes the vector; asking with more is for the caller to refuse."""
        ...

    def encode(self, askers: Askers, threads: int = 1) -> FloatArray:
        """Return the vectors (n, dim); the same bits for the same askers at any thread count.

        Raises SingularSystem where a history has no unique vector.
        """
        ...


@runtime_checkable
class Additive(Encoder, Protocol):
    """An encoder whose vectors are sums over the history, so that scores can be explained."""

    def parts(self, asker: Askers) -> npt.NDArray[np.float64]:
        """Return (entries, dim): what each entry of the one asker's history adds to the vector."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """Scores every item for users, of a model without vectors; immutable, used by many threads."""

    def scores(self, askers: Askers) -> FloatArray:
        """Return (n, items), larger is better."""
        ...


class ModelArrays(Protocol):
    """What encoders take of a model, whether it was just trained or opened from the disk."""

    @property
    def item_vectors(self) -> FloatArray | None:
        """(items, dim)."""
        ...

    @property
    def item_counts(self) -> LongArray:
        """(items,) users who have it."""
        ...

    @property
    def seen(self) -> Interactions:
        """Users x items."""
        ...

    @property
    def neighbours(self) -> Interactions | None:
        """Items x items, similarities."""
        ...
