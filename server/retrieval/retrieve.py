"""The two verbs: embed queries, retrieve candidates. Rows become ids once, at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from shortlist.server.domain.query import (
    Candidates,
    Embedded,
    FoundInterest,
    Origin,
    Query,
    Reason,
    RetrieveQuery,
)
from shortlist.server.errors import QueryKindUnsupported, UserUnknown
from shortlist.server.retrieval.damping import damped
from shortlist.server.retrieval.diversity import Variety, varied, variety_of
from shortlist.server.retrieval.eligibility import Eligibility
from shortlist.server.retrieval.encode import Encoded, encode
from shortlist.server.retrieval.explain import explain
from shortlist.server.retrieval.interests import (
    Interest,
    interests_of,
    medoid_ids,
    merge_by_share,
)
from shortlist.server.retrieval.plan import Plan, plan_search
from shortlist.server.retrieval.search import Found, search, search_each
from shortlist.server.serving.hidden import HiddenOf, HiddenRows, nothing_hidden
from shortlist.server.serving.serving_model import ServingModel


@dataclass(frozen=True, slots=True)
class Asked:
    """A query on its way: what it asks of which model, as a vector, and how to search."""

    model: ServingModel  # its items damped as asked
    query: RetrieveQuery
    encoded: Encoded
    interests: tuple[Interest, ...]  # of the history, where it is asked for in parts
    plan: Plan
    variety: Variety
    hidden: HiddenRows | None = None  # rows that are neither returned nor named


Observer: TypeAlias = Callable[[Asked, Found], None]  # sees each search as it was answered


def embed(model: ServingModel, queries: Sequence[Query]) -> list[Embedded]:
    """Return one vector a query, in order. Raises QueryKindUnsupported, and what `encode` does."""
    if model.scorer is not None:
        problem = f"model {model.model_id} scores items without vectors, so it embeds nothing"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="embed")
    encoded = [encode(model, query, f"queries[{i}]") for i, query in enumerate(queries)]
    return [Embedded(each.vector, each.origin, each.missing_ids) for each in encoded]


def retrieve(
    model: ServingModel,
    query: RetrieveQuery,
    hidden_of: HiddenOf = nothing_hidden,
    observe: Observer | None = None,
) -> Candidates:
    """Return the best eligible items, best first, ties by id; nothing hidden is named.

    Raises UserUnknown where nothing is known and the query wants personal candidates only, and
    what `encode` raises.
    """
    asked = ask(model, query, Eligibility(hidden_of))
    found = rank(asked, asked.variety.fetch)
    if observe is not None:
        observe(asked, found)
    return answer(asked, found)


def ask(model: ServingModel, query: RetrieveQuery, eligibility: Eligibility) -> Asked:
    """Return the query encoded and planned; raises what `retrieve` does."""
    _check_vectors(model, query)
    encoded = encode(model, query.query, "query")
    if encoded.origin is Origin.POPULARITY and query.require_personalized:
        problem = f"model {model.model_id} knows nothing about whom or what the query names"
        raise UserUnknown(problem, model=model.model_id)
    interests = interests_of(model, encoded, query.interests)
    variety = variety_of(model, query)
    hidden = eligibility.hidden(model)
    model = damped(model, query.popularity_damping)
    wide = replace(query, count=variety.fetch)
    plan = plan_search(model, wide, encoded, eligibility, hidden)
    return Asked(model, query, encoded, interests, plan, variety, hidden)


def rank(asked: Asked, count: int) -> Found:
    """Return the first `count` eligible rows, whatever is chosen among them."""
    least = asked.query.min_score
    if not asked.interests:
        return search(asked.model, asked.plan, asked.encoded, count).at_least(least)
    parts = [interest.encoded for interest in asked.interests]
    rankings = search_each(asked.model, asked.plan, parts, count)
    sizes = [interest.item_count for interest in asked.interests]
    return merge_by_share([ranking.at_least(least) for ranking in rankings], sizes, count)


def answer(asked: Asked, found: Found) -> Candidates:
    """Return what was found, at least `variety.fetch` rows where there are, in outside ids."""
    query = asked.query
    found = found.at_least(query.min_score)
    found = varied(asked.model, asked.variety, found, partial(rank, asked), query.count)
    missing = asked.encoded.missing_ids + asked.plan.missing_ids
    return Candidates(
        item_ids=asked.model.items.ids(found.rows),
        scores=found.scores.tolist(),
        model=asked.model.model_id,
        origin=Origin.FOLDED_IN if asked.interests else asked.encoded.origin,
        missing_ids=list(dict.fromkeys(missing)),
        search=found.report,
        reasons=_reasons(asked, found) if query.contributions_max else [],
        interests=[
            FoundInterest(medoid, interest.item_count)
            for medoid, interest in zip(
                medoid_ids(asked.model, asked.interests, asked.hidden), asked.interests, strict=True
            )
        ],
        interest_of=[] if found.sources is None else found.sources.tolist(),
    )


def _check_vectors(model: ServingModel, query: RetrieveQuery) -> None:
    """Refuse what a model without vectors cannot do, rather than leave it out in silence."""
    asked = {
        "popularity_damping": query.popularity_damping > 0,
        "interests": query.interests > 1,
        "explain": query.contributions_max > 0,
        "mmr_strength": query.diversity.mmr_strength > 0,
    }
    for kind in (name for name, is_asked in asked.items() if is_asked and model.space is None):
        problem = f"model {model.model_id} has no vectors, which {kind} needs"
        raise QueryKindUnsupported(problem, model=model.model_id, kind=kind)


def _reasons(asked: Asked, found: Found) -> list[Reason]:
    """Explain each candidate by the interest it comes from, or by the whole query."""
    query = asked.query.query
    most = asked.query.contributions_max
    if found.sources is None:
        return explain(asked.model, query, asked.encoded, found, most, asked.hidden)
    reasons: dict[int, Reason] = {}
    for source, interest in enumerate(asked.interests):
        places = np.flatnonzero(found.sources == source)
        part = found.at(places)
        explained = explain(asked.model, query, interest.encoded, part, most, asked.hidden)
        reasons |= dict(zip(places.tolist(), explained, strict=True))
    return [reasons[place] for place in range(len(found.rows))]
