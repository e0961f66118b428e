"""Many retrievals in one go: each fails alone, those that scan share passes over the items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from shortlist.server.domain.query import Candidates, RetrieveQuery
from shortlist.server.retrieval.eligibility import Eligibility
from shortlist.server.retrieval.plan import Method
from shortlist.server.retrieval.retrieve import Asked, Observer, answer, ask, rank
from shortlist.server.retrieval.search import Found, ScanQuery, scan_each
from shortlist.server.serving.hidden import HiddenOf, nothing_hidden
from shortlist.server.serving.serving_model import ServingModel

QUERIES_AT_ONCE = 64  # bounds the memory of a pass: 64 queries of 10,000 candidates are 5 MB

Entry: TypeAlias = RetrieveQuery | Exception  # an Exception did not get past decoding
Outcome: TypeAlias = Candidates | Exception
ModelOf: TypeAlias = Callable[[str, str], ServingModel]  # catalog, model id or alias


def retrieve_each(
    model_of: ModelOf,
    entries: Sequence[Entry],
    hidden_of: HiddenOf = nothing_hidden,
    observe: Observer | None = None,
) -> list[Outcome]:
    """Return what `retrieve` returns or raises for each entry, in order.

    A name is looked up once: entries that name the same model get the same one, and the same items
    are hidden from all entries of a catalog.
    """
    models: dict[tuple[str, str], ServingModel] = {}
    eligibility = Eligibility(hidden_of)
    asked = [_attempt_ask(model_of, models, eligibility, entry) for entry in entries]
    scanned = _scan_shared([request for request in asked if isinstance(request, Asked)])
    return [
        request if isinstance(request, Exception) else _attempt_answer(request, scanned, observe)
        for request in asked
    ]


def _attempt_ask(
    model_of: ModelOf,
    models: dict[tuple[str, str], ServingModel],
    eligibility: Eligibility,
    entry: Entry,
) -> Asked | Exception:
    if isinstance(entry, Exception):
        return entry
    try:
        name = (entry.catalog, entry.model)
        if name not in models:
            models[name] = model_of(*name)
        return ask(models[name], entry, eligibility)
    except Exception as error:
        return error


def _attempt_answer(asked: Asked, scanned: dict[int, Found], observe: Observer | None) -> Outcome:
    try:
        found = scanned.get(id(asked)) or rank(asked, asked.variety.fetch)
        if observe is not None:
            observe(asked, found)
        return answer(asked, found)
    except Exception as error:
        return error


def _scan_shared(asked: Sequence[Asked]) -> dict[int, Found]:
    """Scan for all who need a scan, together by model; return what was found by id(asked)."""
    by_items: dict[tuple[int, int], list[Asked]] = {}  # one model, one set of eligible items
    for request in asked:
        if request.plan.methods == (Method.SCAN,) and not request.interests:
            by_items.setdefault((id(request.model), id(request.plan.eligible)), []).append(request)
    scanned: dict[int, Found] = {}
    for group in by_items.values():
        # A pass is as wide as its widest query.
        group.sort(key=lambda request: request.variety.fetch)
        for first in range(0, len(group), QUERIES_AT_ONCE):
            scanned |= _scan_part(group[first : first + QUERIES_AT_ONCE])
    return scanned


def _scan_part(part: Sequence[Asked]) -> dict[int, Found]:
    space = part[0].model.space
    assert space is not None  # or the plan would not be a scan
    try:
        results = scan_each(space, [_scan_query(request) for request in part])
    except Exception:  # one that cannot be scanned must not fail the others: each goes alone now
        return {}
    return {id(request): result for request, result in zip(part, results, strict=True)}


def _scan_query(asked: Asked) -> ScanQuery:
    vector = asked.encoded.vector
    assert vector is not None  # or the plan would not be a scan
    return ScanQuery(asked.plan, vector, asked.variety.fetch)
