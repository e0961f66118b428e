"""Which items may be returned, and how they are searched.

Every threshold of the choice between a scan and an index is here; those of how a scan scores are in
core/scan/scoring.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

import numpy as np

from shortlist.core.data.bitmaps import (
    Bitmap,
    bitmap_of_rows,
    count_rows,
    full_bitmap,
    has_rows,
    rows_of_bitmap,
)
from shortlist.core.data.interactions import IntArray, LongArray
from shortlist.server.domain.query import COUNT_MAX, RetrieveQuery, SearchMode
from shortlist.server.domain.restrictions import NO_RESTRICTIONS, Freshness
from shortlist.server.retrieval.eligibility import Eligibility
from shortlist.server.retrieval.encode import Encoded
from shortlist.server.serving.hidden import HiddenRows
from shortlist.server.serving.known_items import known_rows
from shortlist.server.serving.precomputed import StoredList, stored_list
from shortlist.server.serving.serving_model import ServingModel

# SearchMode.AUTO follows what was measured when the model was published (server/index/choice.py). A
# model without measurement is scanned exactly up to this many items: 1 to 2 ms at dim 64, one core.
EXACT_ITEMS_MAX = 250_000
# The index is asked for count + exclusions; beyond this many it walks so much of the graph that the
# exact scan is faster, and its recall falls.
INDEX_COUNT_MAX = 4_000

_EXACT_MODES = (SearchMode.EXACT, SearchMode.PRECOMPUTED)  # the latter where no list is enough


class Method(Enum):
    """One way to find the candidates."""

    NOTHING = "nothing"  # no item is eligible
    LISTED = "listed"  # take them from a list that was made earlier
    RANKED = "ranked"  # popularity: walk the ranking made when the model was loaded
    GATHER = "gather"  # score the allowed rows only, and sort
    FADED = "faded"  # let faded estimates of every row name what to score
    SCAN = "scan"  # score every row, skip the excluded ones
    INDEX = "index"  # ask the approximate index, score what it names


_NARROW = (Method.FADED, Method.SCAN, Method.INDEX)  # find at most the scan's COUNT_MAX


class Fading(NamedTuple):
    """How scores fade with age."""

    freshness: Freshness
    times: LongArray  # (items,) milliseconds since 1970
    now_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The eligible set and how to search it."""

    methods: tuple[Method, ...]  # tried in order until one finds enough; the last finds all
    allowed: IntArray | None  # ascending rows; None: every row but the excluded ones
    excluded: IntArray  # ascending rows, none twice
    eligible: Bitmap | None  # the only items to look at, excluded ones among them; None: all
    eligible_count: int
    missing_ids: list[str]  # of candidate_item_ids; deleted ones count as unknown
    fading: Fading | None = None  # how scores change before the best are taken
    listed: StoredList | None = None  # of Method.LISTED

    def methods_for(self, count: int) -> tuple[Method, ...]:
        """Return the methods for this many candidates, which may be more than were planned for.

        Beyond the scan's COUNT_MAX every eligible row is scored and sorted.
        """
        if count > COUNT_MAX:
            wide = (Method.GATHER if method in _NARROW else method for method in self.methods)
            return tuple(dict.fromkeys(wide))
        if count > INDEX_COUNT_MAX:
            return tuple(method for method in self.methods if method is not Method.INDEX)
        return self.methods


def plan_search(
    model: ServingModel,
    query: RetrieveQuery,
    encoded: Encoded,
    eligibility: Eligibility,
    hidden: HiddenRows | None = None,
) -> Plan:
    """Return the plan of one retrieval; `hidden` are rows that it must not return."""
    excluded = _excluded_rows(model, query, encoded)
    eligible = eligibility.items(model.attributes, query.restrictions, hidden)
    fading = None
    if query.freshness is not None:
        times = model.attributes.times(query.freshness.attribute, "freshness.attribute")
        fading = Fading(query.freshness, times, eligibility.now_ms)
    missing: list[str] = []
    allowed = None
    if query.candidate_item_ids:
        rows, missing = known_rows(model.items, query.candidate_item_ids)
        if hidden is not None:
            missing += model.items.ids(np.intersect1d(rows, hidden.deleted))
        allowed = rows if eligible is None else rows[has_rows(eligible, rows)]
        allowed = np.setdiff1d(allowed, excluded, assume_unique=True)
        count = len(allowed)
    elif eligible is None:
        count = model.item_count - len(excluded)
    else:
        count = count_rows(eligible) - int(has_rows(eligible, excluded).sum())
    listed = None
    if query.mode is SearchMode.PRECOMPUTED:
        listed = stored_list(model.exports, model.users, model.items, query)
    plan = Plan((), allowed, excluded, eligible, count, missing, fading, listed)
    passed_count = len(excluded) + (0 if hidden is None else len(hidden.rows))
    methods = _methods(model, query, encoded, plan, passed_count)
    if Method.INDEX in methods and hidden is not None:  # it walks past them; a scan skips them
        excluded = np.union1d(excluded, hidden.rows).astype(np.int32)
        return replace(plan, methods=methods, excluded=excluded, eligible=None)
    return replace(plan, methods=methods)


def searched_rows(plan: Plan, item_count: int) -> IntArray:
    """Return every row that a plan lets be returned, ascending."""
    if plan.allowed is not None:
        return plan.allowed
    eligible = full_bitmap(item_count) if plan.eligible is None else plan.eligible
    return rows_of_bitmap(eligible & ~bitmap_of_rows(plan.excluded, item_count))


def _excluded_rows(model: ServingModel, query: RetrieveQuery, encoded: Encoded) -> IntArray:
    seen = encoded.seen_rows[:0] if query.include_seen else encoded.seen_rows
    if not query.exclude_item_ids:
        return seen
    rows, _ = known_rows(model.items, query.exclude_item_ids)
    return np.union1d(seen, rows).astype(np.int32)


def _methods(
    model: ServingModel, query: RetrieveQuery, encoded: Encoded, plan: Plan, passed_count: int
) -> tuple[Method, ...]:
    """Choose how to search; passed_count: rows that an index finds and that cannot be returned."""
    if not plan.eligible_count:
        return (Method.NOTHING,)
    if plan.listed is not None:  # too little of the list may be eligible
        otherwise = replace(plan, listed=None)
        return Method.LISTED, *_methods(model, query, encoded, otherwise, passed_count)
    has_vector = encoded.vector is not None and model.space is not None
    if encoded.item_scores is not None or plan.allowed is not None:
        return (Method.GATHER,)
    if plan.fading is not None:  # the best before fading need not be the best after
        return (Method.FADED, Method.GATHER) if has_vector else (Method.GATHER,)
    if not has_vector:
        return (Method.RANKED,)
    if _asks_index(model, query, passed_count):
        return Method.INDEX, Method.SCAN  # the graph may reach too little of the catalog
    return (Method.SCAN,)


def _asks_index(model: ServingModel, query: RetrieveQuery, passed_count: int) -> bool:
    space = model.space
    if space is None or space.index is None or query.mode in _EXACT_MODES:
        return False
    # A graph that is asked for more and filtered afterwards loses recall; a scan that skips what is
    # not eligible loses nothing and gets faster.
    if query.restrictions != NO_RESTRICTIONS:
        return False
    half = model.item_count // 2
    wanted = query.count + passed_count
    if wanted > INDEX_COUNT_MAX or passed_count > half:
        return False
    if wanted > half and not space.index_asked:
        return False
    if query.mode is SearchMode.APPROXIMATE:
        return True
    measured = space.index_pays
    return model.item_count > EXACT_ITEMS_MAX if measured is None else measured
