"""What Embed and Retrieve answer, and what a batch asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.client.restrictions import Freshness, GeoBox, GeoRadius, TimeWindow
from shortlist.client.times import Time

FloatArray: TypeAlias = npt.NDArray[np.float32]
FeatureValue: TypeAlias = str | float | bool | Sequence[str]  # numbers also as text; times ISO 8601
# Events: item ids, (item id, value) or (item id, value, time), the value None where none is known.
Event: TypeAlias = str | tuple[str, float] | tuple[str, float | None, Time | None]
History: TypeAlias = Sequence[Event]


@dataclass(frozen=True, slots=True)
class Query:
    """Who or what is asked about: a user in one or more ways, or items, or an embedding."""

    user: str = ""
    history: History = ()
    items: Sequence[str] = ()
    negative_items: Sequence[str] = ()
    embedding: npt.ArrayLike | None = None
    segment: str = ""  # of the user, such as a country; for popular items
    features: Mapping[str, FeatureValue] = field(default_factory=dict)  # what the user is


@dataclass(frozen=True, slots=True)
class Diversity:
    """How candidates must differ from each other."""

    attribute: str = ""
    max_per_value: int = 0  # candidates with the same value of the attribute; 0: no limit
    mmr_strength: float = 0.0  # 0..1, of maximal marginal relevance


@dataclass(frozen=True, slots=True)
class Retrieval:
    """One request for candidates; what is left out means the server's default."""

    query: Query = field(default_factory=Query)
    count: int = 0  # 0: 100
    exclude: Sequence[str] = ()
    include_seen: bool = False
    candidates: Sequence[str] = ()  # score only these
    mode: str = ""  # exact, approximate, precomputed; empty: the server chooses
    min_score: float | None = None
    require_personalized: bool = False
    filter: str = ""  # AIP-160 over the items' attributes
    within: GeoRadius | None = None
    box: GeoBox | None = None
    window: TimeWindow | None = None
    freshness: Freshness | None = None
    diversity: Diversity | None = None
    popularity_damping: float = 0.0  # 0..1
    interests: int = 0  # parts of the history asked for on their own; 0, 1: off
    explain: bool = False
    contributions_max: int = 0  # 0: 3
    export_id: str = ""  # of precomputed; empty: the newest
    catalog: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class SearchReport:
    """How one search was done."""

    mode: str  # exact, approximate, precomputed
    eligible_items: int
    scored_items: int


@dataclass(frozen=True, slots=True)
class Interest:
    """A part of the history that was asked for on its own."""

    medoid_item_id: str  # the item of the history that stands for it
    item_count: int  # items of the history that belong to it


@dataclass(frozen=True, slots=True)
class Reason:
    """What one candidate's score is made of: contributions and remainder sum to it."""

    contributions: tuple[tuple[str, float], ...]  # (item id, amount), largest magnitude first
    remainder: float


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Items, best first; iterate for (item id, score)."""

    item_ids: list[str]
    scores: FloatArray  # (n,) falling, but for marginal relevance and several interests
    model: str
    origin: str  # stored, folded_in, features, items, embedding, popularity
    missing_ids: list[str]
    search: SearchReport
    reasons: tuple[Reason, ...] = ()  # one a candidate, where asked for
    interests: tuple[Interest, ...] = ()  # where the history had several
    interest_of: tuple[int, ...] = ()  # a candidate's, place in `interests`

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


@dataclass(frozen=True, slots=True, eq=False)
class SimilarUsers:
    """Users, most similar first; iterate for (user id, cosine)."""

    user_ids: list[str]
    scores: FloatArray  # (n,) cosines, falling
    model: str
    origin: str  # stored, folded_in, features
    missing_ids: list[str]

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return zip(self.user_ids, self.scores.tolist(), strict=True)

    def __len__(self) -> int:
        return len(self.user_ids)
