"""What Embed and Retrieve answer, and what a batch asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
History: TypeAlias = Sequence[str | tuple[str, float]]  # item ids, or (item id, value)


@dataclass(frozen=True, slots=True)
class Query:
    """Who or what is asked about: a user and/or a history, or items, or an embedding."""

    user: str = ""
    history: History = ()
    items: Sequence[str] = ()
    negative_items: Sequence[str] = ()
    embedding: npt.ArrayLike | None = None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """One request for candidates; what is left out means the server's default."""

    query: Query = field(default_factory=Query)
    count: int = 0  # 0: 100
    exclude: Sequence[str] = ()
    include_seen: bool = False
    candidates: Sequence[str] = ()  # score only these
    mode: str = ""  # exact, approximate; empty: the server chooses
    min_score: float | None = None
    require_personalized: bool = False
    explain: bool = False
    contributions_max: int = 0  # 0: 3
    catalog: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class SearchReport:
    """How one search was done."""

    mode: str  # exact, approximate
    eligible_items: int
    scored_items: int


@dataclass(frozen=True, slots=True)
class Reason:
    """What one candidate's score is made of: contributions and remainder sum to it."""

    contributions: tuple[tuple[str, float], ...]  # (item id, amount), largest magnitude first
    remainder: float


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Items, best first; iterate for (item id, score)."""

    item_ids: list[str]
    scores: FloatArray  # (n,) falling
    model: str
    origin: str  # stored, folded_in, items, embedding, popularity
    missing_ids: list[str]
    search: SearchReport
    reasons: tuple[Reason, ...] = ()  # one a candidate, where asked for

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return zip(self.item_ids, self.scores.tolist(), strict=True)

    def __len__(self) -> int:
        return len(self.item_ids)


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """One vector a query, in the order asked; a query of origin popularity has a row of NaN."""

    vectors: FloatArray  # (queries, dim)
    origins: list[str]
    missing_ids: list[list[str]]
    model: str
