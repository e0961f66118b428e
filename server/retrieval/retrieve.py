"""The two verbs: embed queries, retrieve candidates. Rows become ids once, at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shortlist.server.errors import QueryKindUnsupported, UserUnknown
from shortlist.server.retrieval.encoder import Encoded, encode
from shortlist.server.retrieval.explain import explain
from shortlist.server.retrieval.plan import Plan, plan_search
from shortlist.server.retrieval.query import (
    Candidates,
    Embedded,
    Origin,
    Query,
    Reason,
    RetrieveQuery,
)
from shortlist.server.retrieval.search import Found, search
from shortlist.server.retrieval.serving_model import ServingModel


@dataclass(frozen=True, slots=True)
class Asked:
    """A query on its way: what it asks of which model, as a vector, and how to search."""

    model: ServingModel
    query: RetrieveQuery
    encoded: Encoded
    plan: Plan


def embed(model: ServingModel, queries: Sequence[Query]) -> list[Embedded]:
    """Return one vector a query, in order. Raises QueryKindUnsupported, and what `encode` does."""
    if model.scorer is not None:
        problem = f"model {model.model_id} scores items without vectors, so it embeds nothing"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="embed")
    encoded = [encode(model, query, f"queries[{i}]") for i, query in enumerate(queries)]
    return [Embedded(one.vector, one.origin, one.missing_ids) for one in encoded]


def retrieve(model: ServingModel, query: RetrieveQuery) -> Candidates:
    """Return the best eligible items, best first, ties by id.

    Raises UserUnknown where nothing is known and the query wants personal candidates only, and
    what `encode` raises.
    """
    asked = ask(model, query)
    return answer(asked, search(model, asked.plan, asked.encoded, query.count))


def ask(model: ServingModel, query: RetrieveQuery) -> Asked:
    """Return the query encoded and planned; raises what `retrieve` does."""
    _check_vectors(model, query)
    encoded = encode(model, query.query, "query")
    if encoded.origin is Origin.POPULARITY and query.require_personalized:
        problem = f"model {model.model_id} knows nothing about whom or what the query names"
        raise UserUnknown(problem, model=model.model_id)
    return Asked(model, query, encoded, plan_search(model, query, encoded))


def answer(asked: Asked, found: Found) -> Candidates:
    """Return what was found in outside ids."""
    rows, scores = found.rows, found.scores
    if asked.query.min_score is not None:
        enough = int((scores >= asked.query.min_score).sum())  # scores fall: these come first
        rows, scores = rows[:enough], scores[:enough]
    found = Found(rows, scores, found.report)
    missing = asked.encoded.missing_ids + asked.plan.missing_ids
    return Candidates(
        item_ids=asked.model.items.ids(rows),
        scores=scores.tolist(),
        model=asked.model.model_id,
        origin=asked.encoded.origin,
        missing_ids=list(dict.fromkeys(missing)),
        search=found.report,
        reasons=_reasons(asked, found),
    )


def _check_vectors(model: ServingModel, query: RetrieveQuery) -> None:
    """Refuse what a model without vectors cannot do, rather than leave it out in silence."""
    asked = {"explain": query.contributions_max > 0}
    for kind in (name for name, is_asked in asked.items() if is_asked and model.space is None):
        problem = f"model {model.model_id} has no vectors, which {kind} needs"
        raise QueryKindUnsupported(problem, model=model.model_id, kind=kind)


def _reasons(asked: Asked, found: Found) -> list[Reason]:
    most = asked.query.contributions_max
    return explain(asked.model, asked.query.query, asked.encoded, found, most) if most else []
