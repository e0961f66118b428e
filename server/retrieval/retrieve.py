"""The two verbs: embed queries, retrieve candidates. Rows become ids once, at the end."""

from __future__ import annotations

from collections.abc import Sequence

from shortlist.server.errors import UserUnknown
from shortlist.server.retrieval.encoder import encode
from shortlist.server.retrieval.plan import plan_search
from shortlist.server.retrieval.query import Candidates, Embedded, Query, RetrieveQuery
from shortlist.server.retrieval.search import search
from shortlist.server.retrieval.serving_model import ServingModel


def embed(model: ServingModel, queries: Sequence[Query]) -> list[Embedded]:
    """Return one vector a query, in order."""
    encoded = [encode(model, query, f"queries[{i}]") for i, query in enumerate(queries)]
    return [Embedded(one.vector, one.origin, one.missing_ids) for one in encoded]


def retrieve(model: ServingModel, query: RetrieveQuery) -> Candidates:
    """Return the best eligible items, best first, ties by id.

    Raises UserUnknown where nothing is known and the query wants personal candidates only, and
    what `encode` raises.
    """
    encoded = encode(model, query.query, "query")
    if encoded.vector is None and query.require_personalized:
        problem = f"model {model.model_id} knows nothing about whom or what the query names"
        raise UserUnknown(problem, model=model.model_id)
    plan = plan_search(model, query, encoded)
    found = search(model, plan, encoded.vector, query.count)
    rows, scores = found.rows, found.scores
    if query.min_score is not None:
        enough = int((scores >= query.min_score).sum())  # scores fall, so these come first
        rows, scores = rows[:enough], scores[:enough]
    return Candidates(
        item_ids=model.items.ids(rows),
        scores=scores.tolist(),
        model=model.model_id,
        origin=encoded.origin,
        missing_ids=list(dict.fromkeys(encoded.missing_ids + plan.missing_ids)),
        search=found.report,
    )
