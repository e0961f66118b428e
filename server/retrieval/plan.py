"""Which items may be returned, and how they are searched; every threshold of the choice is here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from shortlist.core.interactions import IntArray
from shortlist.server.retrieval.encoder import Encoded
from shortlist.server.retrieval.known_items import known_rows
from shortlist.server.retrieval.query import RetrieveQuery, SearchMode
from shortlist.server.retrieval.serving_model import ServingModel

# SearchMode.AUTO scans exactly up to this many items: that takes 1 to 2 ms at dim 64 on one core,
# and an exact answer needs no trust.
EXACT_ITEMS_MAX = 250_000
# The index is asked for count + exclusions; beyond this many it walks so much of the graph that the
# exact scan is faster, and its recall falls.
INDEX_COUNT_MAX = 4_000


class Method(Enum):
    """How the candidates are found."""

    RANKED = "ranked"  # popularity: walk the ranking made when the model was loaded
    GATHER = "gather"  # score the allowed rows only
    SCORED = "scored"  # every row has its score already
    SCAN = "scan"  # score every row, skip the excluded ones
    INDEX = "index"  # ask the approximate index, score what it names


@dataclass(frozen=True, slots=True)
class Plan:
    """The eligible set and how to search it."""

    method: Method
    allowed: IntArray | None  # ascending rows; None: every row but the excluded ones
    excluded: IntArray  # ascending rows, none twice
    eligible_count: int
    missing_ids: list[str]  # of candidate_item_ids


def plan_search(model: ServingModel, query: RetrieveQuery, encoded: Encoded) -> Plan:
    """Return the plan of one retrieval."""
    excluded = _excluded_rows(model, query, encoded)
    missing: list[str] = []
    allowed = None
    eligible_count = model.item_count - len(excluded)
    if query.candidate_item_ids:
        rows, missing = known_rows(model.items, query.candidate_item_ids)
        allowed = np.setdiff1d(rows, excluded, assume_unique=True)
        eligible_count = len(allowed)
    method = _method(model, query, encoded, allowed, excluded)
    return Plan(method, allowed, excluded, eligible_count, missing)


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
    allowed: IntArray | None,
    excluded: IntArray,
) -> Method:
    if allowed is not None:
        return Method.GATHER
    if encoded.item_scores is not None:
        return Method.SCORED
    if encoded.vector is None or model.space is None:
        return Method.RANKED
    wanted = query.count + len(excluded)
    if model.space.index is None or query.mode is SearchMode.EXACT:
        return Method.SCAN
    if wanted > min(INDEX_COUNT_MAX, model.item_count // 2):
        return Method.SCAN
    large = model.item_count > EXACT_ITEMS_MAX
    return Method.INDEX if large or query.mode is SearchMode.APPROXIMATE else Method.SCAN
