"""What can be asked and what is answered: the contract's words without its wire types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from shortlist.core.data.interactions import FloatArray
from shortlist.server.domain.restrictions import NO_RESTRICTIONS, Freshness, Restrictions

COUNT_DEFAULT = 100
COUNT_MAX = 10_000
EXPLAINED_MAX = 1000  # candidates of a request that wants them explained
DIVERSIFIED_MAX = 1000  # candidates of a request with marginal relevance


GivenValue: TypeAlias = str | float | bool | tuple[str, ...]  # of a feature, in a request


class SearchMode(Enum):
    """How the items are searched."""

    AUTO = "auto"
    EXACT = "exact"
    APPROXIMATE = "approximate"
    PRECOMPUTED = "precomputed"  # by an export, where one holds the answer; else exact


class Origin(Enum):
    """How a query became a vector."""

    STORED = "stored"
    FOLDED_IN = "folded in"
    FEATURES = "features"
    ITEMS = "items"
    EMBEDDING = "embedding"
    POPULARITY = "popularity"  # it did not: nothing is known, the answer is what is popular


@dataclass(frozen=True, slots=True)
class UserQuery:
    """A user: known by id, described by a history or features, or all; or only by a segment."""

    user_id: str = ""  # empty: anonymous
    history_item_ids: tuple[str, ...] = ()  # as sent, repeats kept; an item's last value counts
    history_values: tuple[float, ...] = ()  # one an item, finite
    segment: str = ""  # where popular items answer: those of this segment; empty: what is known
    features: Mapping[str, GivenValue] = field(default_factory=dict)  # by attribute of the users
    # One an item, milliseconds since 1970, larger is later; None: a later item is the later event.
    history_times: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class ItemsQuery:
    """Items to find related items for."""

    item_ids: tuple[str, ...]
    negative_item_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EmbeddingQuery:
    """A point in the space of one model's item vectors."""

    values: FloatArray  # (dim,) finite


Query: TypeAlias = UserQuery | ItemsQuery | EmbeddingQuery


@dataclass(frozen=True, slots=True)
class EmbedQuery:
    """Queries to turn into vectors of one model."""

    catalog: str
    model: str  # id or alias
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Diversity:
    """How candidates must differ; the defaults ask for nothing."""

    attribute: str = ""
    max_per_value: int = 0  # candidates with the same value of the attribute; 0: no limit
    mmr_strength: float = 0.0  # 0..1, of marginal relevance


NO_DIVERSITY = Diversity()


@dataclass(frozen=True, slots=True)
class RetrieveQuery:
    """One retrieval; the defaults are the contract's."""

    query: Query
    catalog: str = "default"
    model: str = "live"  # id or alias
    count: int = COUNT_DEFAULT  # 1..COUNT_MAX
    exclude_item_ids: tuple[str, ...] = ()
    include_seen: bool = False
    candidate_item_ids: tuple[str, ...] = ()  # empty: the whole catalog
    mode: SearchMode = SearchMode.AUTO
    export_id: str = ""  # of PRECOMPUTED; empty: the newest whole export
    min_score: float | None = None
    require_personalized: bool = False
    restrictions: Restrictions = NO_RESTRICTIONS
    freshness: Freshness | None = None
    diversity: Diversity = NO_DIVERSITY
    popularity_damping: float = 0.0  # 0..1, power of the item's length that divides the score
    interests: int = 0  # at most so many parts of the history; 0, 1: the history is one
    contributions_max: int = 0  # named per candidate; 0: candidates are not explained


@dataclass(frozen=True, slots=True)
class SimilarUsersQuery:
    """Whom to find similar users for."""

    user: UserQuery
    catalog: str = "default"
    model: str = "live"  # id or alias
    count: int = COUNT_DEFAULT  # 1..COUNT_MAX
    exclude_user_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Embedded:
    """One query's vector."""

    values: FloatArray | None  # (dim,); None when the origin is POPULARITY
    origin: Origin
    missing_ids: list[str]


@dataclass(frozen=True, slots=True)
class SearchReport:
    """How one search was done."""

    mode: SearchMode  # any but AUTO
    eligible_items: int
    scored_items: int  # scored or estimated


@dataclass(frozen=True, slots=True)
class FoundInterest:
    """A part of the history that was asked for on its own."""

    medoid_item_id: str  # the item of the history that stands for it
    item_count: int  # items of the history that belong to it


@dataclass(frozen=True, slots=True)
class Reason:
    """What one candidate's score is made of: amounts and remainder sum to it."""

    item_ids: list[str]  # largest magnitude first, ties by id
    amounts: list[float]  # none of them 0
    remainder: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items best first; plain lists, because protobuf takes those five times faster than arrays."""

    item_ids: list[str]
    scores: list[float]
    model: str
    origin: Origin
    missing_ids: list[str]
    search: SearchReport
    reasons: list[Reason] = field(default_factory=list)  # one a candidate, where asked for
    interests: list[FoundInterest] = field(default_factory=list)  # where the history had several
    interest_of: list[int] = field(default_factory=list)  # a candidate's, place in `interests`


@dataclass(frozen=True, slots=True)
class SimilarUsers:
    """Users, most similar first."""

    user_ids: list[str]
    scores: list[float]  # cosines
    model: str
    origin: Origin
    missing_ids: list[str]
