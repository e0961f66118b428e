"""Fading scores over a catalog so large that estimates name the candidates."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.domain.query import EmbeddingQuery, RetrieveQuery
from shortlist.server.domain.restrictions import Freshness, Restrictions
from shortlist.server.filters.times import faded
from shortlist.server.retrieval.eligibility import Eligibility
from shortlist.server.retrieval.retrieve import ask, rank
from shortlist.server.serving.serving_model import ServingModel
from tests.server.small_models import small_model

ITEMS, DIM = 6000, 8
DAY_MS = 86_400_000


def model_of_any_age() -> ServingModel:
    """Return a model whose items were published within 30 days, some in the future or never."""
    rng = np.random.default_rng(4)
    now_ms = Eligibility().now_ms
    times = [
        None if rng.random() < 0.1 else int(now_ms + DAY_MS - age)
        for age in rng.integers(0, 31 * DAY_MS, ITEMS)
    ]
    table = pa.table(
        {
            "published": pa.array(times, pa.timestamp("ms", "UTC")),
            "even": pa.array(np.arange(ITEMS) % 2 == 0),
        }
    )
    model = small_model(4, ITEMS, dim=DIM, attributes=table)
    vectors = rng.standard_normal((ITEMS, DIM)).astype(np.float32)
    scan = ItemScan(vectors, quantize(vectors))
    assert model.space is not None
    return replace(model, space=replace(model.space, item_vectors=vectors, scan=scan))


MODEL = model_of_any_age()


@pytest.mark.parametrize("restrictions", [Restrictions(), Restrictions(filter="even = true")])
@pytest.mark.parametrize("half_life_ms", [DAY_MS // 1000, DAY_MS, 30 * DAY_MS])
@pytest.mark.parametrize("weight", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("sign", [1, -1], ids=["likes", "negative scores only"])
def test_the_best_after_fading_are_those_of_brute_force(
    sign: int, weight: float, half_life_ms: int, restrictions: Restrictions
) -> None:
    """Where fewer than asked for keep a positive score, the estimates alone would be wrong."""
    freshness = Freshness(half_life_ms, weight)
    vector = np.full(DIM, 0.5, np.float32)
    model = MODEL
    assert model.space is not None
    if sign < 0:
        vectors = -np.abs(model.space.item_vectors)
        scan = ItemScan(vectors, quantize(vectors))
        model = replace(model, space=replace(model.space, item_vectors=vectors, scan=scan))
    query = RetrieveQuery(
        EmbeddingQuery(vector), count=40, freshness=freshness, restrictions=restrictions
    )
    asked = ask(model, query, Eligibility())
    found = rank(asked, 40)
    times = model.attributes.times("published", "")
    assert model.space is not None
    scores = (model.space.item_vectors.astype(np.float64) @ vector).astype(np.float32)
    assert asked.plan.fading is not None
    scores = faded(freshness, scores, times, asked.plan.fading.now_ms)
    if restrictions.filter:
        scores[1::2] = -np.inf
    best = np.lexsort((np.arange(ITEMS), -scores))[:40]
    np.testing.assert_allclose(found.scores, scores[best], rtol=1e-4, atol=1e-5)
    assert set(best[scores[best] > scores[best[-1]] + 1e-4]) <= set(found.rows.tolist())
    assert found.report.eligible_items == (ITEMS // 2 if restrictions.filter else ITEMS)
