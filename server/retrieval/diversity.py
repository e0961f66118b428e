"""Variety: at most so many candidates a value of an attribute, and marginal relevance.

Both choose from the front of the ranking. When the first candidates do not suffice, the ranking is
asked for four times as many, in the end for every eligible item: nothing is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shortlist.core.scan.diversity import RowValues, first_per_value, marginal_relevance
from shortlist.server.domain.query import COUNT_MAX, Diversity, RetrieveQuery
from shortlist.server.retrieval.encode import directions
from shortlist.server.retrieval.search import Found
from shortlist.server.serving.serving_model import ServingModel

POOL_FACTOR = 5  # marginal relevance chooses among so many times the count ...
POOL_MIN = 100  # ... and at least among so many
_GROWTH = 4  # a search costs about the same for few and for many candidates


@dataclass(frozen=True, slots=True)
class Variety:
    """What one request asks of the choice, its attribute looked up."""

    asked: Diversity
    values: RowValues | None  # of the attribute; None: no limit a value
    pool: int  # candidates wanted before marginal relevance chooses among them
    fetch: int  # how much of the ranking to look at first


def variety_of(model: ServingModel, query: RetrieveQuery) -> Variety:
    """Return what the request asks.

    Raises FilterUnknownField, and FieldInvalid for an attribute whose values cannot be counted.
    """
    asked = query.diversity
    pool = max(POOL_FACTOR * query.count, POOL_MIN) if asked.mmr_strength else query.count
    if not asked.max_per_value:
        return Variety(asked, None, pool, pool)
    values = model.attributes.values(asked.attribute, "diversity.attribute")
    return Variety(asked, values, pool, min(_GROWTH * pool, COUNT_MAX))


def varied(
    model: ServingModel, variety: Variety, found: Found, rank: Callable[[int], Found], count: int
) -> Found:
    """Choose `count` from the ranking; `found` is its beginning, rank(n) returns its first n rows.

    Rows come in the order chosen, which marginal relevance makes another one than by score.
    """
    if variety.values is not None:
        found = _within_limit(model, variety, variety.values, found, rank)
    strength = variety.asked.mmr_strength
    if strength and model.space is not None:
        pool = found.first(variety.pool)
        order = marginal_relevance(
            pool.scores.astype(np.float64), directions(model.space, pool.rows), strength, count
        )
        return found.at(order)
    return found.first(count)


def _within_limit(
    model: ServingModel,
    variety: Variety,
    values: RowValues,
    found: Found,
    rank: Callable[[int], Found],
) -> Found:
    """Walk down the ranking until the pool is full or nothing can join it."""
    most = variety.asked.max_per_value
    fetched = variety.fetch
    while True:
        kept = first_per_value(values, found.rows, most, variety.pool)
        if len(kept) == variety.pool or len(found.rows) < fetched or fetched >= model.item_count:
            return found.at(kept)
        if len(kept) >= values.reachable(most):
            return found.at(kept)
        fetched *= _GROWTH
        if fetched > COUNT_MAX:
            fetched = model.item_count
        found = rank(fetched)
