"""Which items may be returned, and how they are searched.

Every threshold of the choice between a scan and an index is here; those of how a scan scores are in
core/scan/scoring.py.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from shortlist.server.domain.query import RetrieveQuery, SearchMode
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
    """How the candidates are found."""

    RANKED = "ranked"  # popularity: walk the ranking made when the model was loaded
    GATHER = "gather"  # score the allowed rows only
    SCORED = "scored"  # every row has its score already
    SCAN = "scan"  # score every row, skip the excluded ones
    INDEX = "index"  # ask the approximate index, score what it names


class Fading(NamedTuple):
    """How scores fade with age."""

    freshness: Freshness
    times: LongArray  # (items,) milliseconds since 1970
    now_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The eligible set and how to search it."""

    method: Method
    allowed: IntArray | None  # ascending rows; None: every row but the excluded ones
    excluded: IntArray  # ascending rows, none twice
    eligible: Bitmap | None  # the only items to look at, excluded ones among them; None: all
    eligible_count: int
    missing_ids: list[str]  # of candidate_item_ids; deleted ones count as unknown
    fading: Fading | None = None  # how scores change before the best are taken
    stored: StoredList | None = None  # made earlier: tried before anything is scored


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
    if allowed is not None or fading is not None:
        method = Method.GATHER  # the best before fading need not be the best after
    else:
        passed_count = len(excluded) + (0 if hidden is None else len(hidden.rows))
        restricted = query.restrictions != NO_RESTRICTIONS
        method = _method(model, query, encoded, passed_count, restricted=restricted)
        if method is Method.INDEX and hidden is not None:  # it walks past them; a scan skips them
            excluded, eligible = np.union1d(excluded, hidden.rows).astype(np.int32), None
    stored = None
    if query.mode is SearchMode.PRECOMPUTED:
        stored = stored_list(model.exports, model.users, model.items, query)
    return Plan(method, allowed, excluded, eligible, count, missing, fading, stored)


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


def _method(
    model: ServingModel,
    query: RetrieveQuery,
    encoded: Encoded,
    passed_count: int,
    *,
    restricted: bool,
) -> Method:
    if encoded.item_scores is not None:
        return Method.SCORED
    if encoded.vector is None or model.space is None:
        return Method.RANKED
    wanted = query.count + passed_count
    if model.space.index is None or query.mode in _EXACT_MODES:
        return Method.SCAN
    # A graph that is asked for more and filtered afterwards loses recall; a scan that skips what is
    # not eligible loses nothing and gets faster.
    if restricted:
        return Method.SCAN
    half = model.item_count // 2
    if wanted > INDEX_COUNT_MAX or passed_count > half:
        return Method.SCAN
    if wanted > half and not model.space.index_asked:
        return Method.SCAN
    pays = model.space.index_pays
    if pays is None:
        pays = model.item_count > EXACT_ITEMS_MAX
    return Method.INDEX if pays or query.mode is SearchMode.APPROXIMATE else Method.SCAN
