"""Why a candidate has its score: the items that made the query's vector, and what each added.

A vector that is a sum of parts, one an item of the history or of the items query, gives scores that
are sums over the same items. The parts of a fold-in are those of Hu, Koren and Volinsky (2008),
section 5; those of an items query are its directions. A stored user's vector is the fold-in of
their events up to the training's solver, so the parts are the fold-in's and the remainder holds the
difference.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, IntArray
from shortlist.core.errors import SingularSystem
from shortlist.server.domain.query import ItemsQuery, Query, Reason
from shortlist.server.encoders.encoder import Additive, one_asker
from shortlist.server.errors import QueryKindUnsupported
from shortlist.server.retrieval.encode import Encoded, directions
from shortlist.server.retrieval.search import Found
from shortlist.server.serving.hidden import HiddenRows
from shortlist.server.serving.known_items import known_rows
from shortlist.server.serving.serving_model import ServingModel, Space

_AMOUNTS_AT_ONCE = 1_000_000  # of a candidate and an item: 8 MB

Parts = npt.NDArray[np.float64]


def explain(
    model: ServingModel,
    query: Query,
    encoded: Encoded,
    found: Found,
    contributions_max: int,
    hidden: HiddenRows | None = None,
) -> list[Reason]:
    """Return one reason a found row, in their order; what hidden items added is in the remainder.

    Raises QueryKindUnsupported where the model's vectors are no sums.
    """
    if encoded.vector is None or model.space is None:
        return [Reason([], [], score) for score in found.scores.tolist()]
    rows, parts = _parts(model, model.space, query, encoded)
    if hidden is not None:
        named = ~np.isin(rows, hidden.rows)
        rows, parts = rows[named], parts[named]
    reasons: list[Reason] = []
    step = max(1, _AMOUNTS_AT_ONCE // max(1, len(rows)))
    for first in range(0, len(found.rows), step):
        some = found.at(np.arange(first, min(first + step, len(found.rows))))
        amounts = model.space.item_vectors[some.rows].astype(np.float64) @ parts.T
        reasons += _largest(model, rows, amounts, some, contributions_max)
    return reasons


def _largest(
    model: ServingModel, rows: IntArray, amounts: Parts, found: Found, most: int
) -> list[Reason]:
    """Return each candidate's largest amounts but those of 0; rows ascend, so ties are by id."""
    order = np.argsort(-np.abs(amounts), axis=1, kind="stable")[:, :most]
    largest = np.take_along_axis(amounts, order, axis=1)
    rests = found.scores - largest.sum(axis=1)
    ids = model.items.ids(rows[order.ravel()])
    width = order.shape[1]
    counts = np.count_nonzero(largest, axis=1)
    return [
        Reason(ids[place * width : place * width + count], named[:count], rest)
        for place, (named, rest, count) in enumerate(
            zip(largest.tolist(), rests.tolist(), counts.tolist(), strict=True)
        )
    ]


def _parts(
    model: ServingModel, space: Space, query: Query, encoded: Encoded
) -> tuple[IntArray, Parts]:
    """Return the rows of the items that made the vector, ascending, and what each added to it."""
    if isinstance(query, ItemsQuery):
        return _items_parts(model, space, query)
    if encoded.seen_values is None or not len(encoded.seen_values):
        return encoded.seen_rows[:0], np.zeros((0, space.dim))
    if not isinstance(space.encoder, Additive):
        problem = f"model {model.model_id} makes no sums of its histories, so it explains nothing"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="explain")
    parts = _history_parts(model, space.encoder, encoded.seen_rows, encoded.seen_values)
    return encoded.seen_rows, parts


def _history_parts(
    model: ServingModel, encoder: Additive, rows: IntArray, values: FloatArray
) -> Parts:
    """Return what each item of one history adds to its vector: (items, dim)."""
    try:
        return encoder.parts(one_asker(rows, values, model.item_count))
    except SingularSystem as error:
        problem = f"model {model.model_id} has too little regularization to explain this history"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="explain") from error


def _items_parts(model: ServingModel, space: Space, query: ItemsQuery) -> tuple[IntArray, Parts]:
    """Each positive adds its share of the mean direction, each negative takes its share away."""
    positives, _ = known_rows(model.items, query.item_ids)
    negatives, _ = known_rows(model.items, query.negative_item_ids)
    rows = np.union1d(positives, negatives).astype(np.int32)
    parts = np.zeros((len(rows), space.dim))
    for named, sign in ((positives, 1.0), (negatives, -1.0)):
        if len(named):
            shares = sign / len(named) * directions(space, named)
            parts[np.searchsorted(rows, named)] += shares
    return rows, parts
