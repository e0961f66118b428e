"""The plan alone says how a request is searched: what it names, in that order, is what happens."""

from dataclasses import replace

import pyarrow as pa
import pytest

from shortlist.core.scan.inverted_file import build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.server.domain.query import COUNT_MAX, RetrieveQuery, SearchMode, UserQuery
from shortlist.server.domain.restrictions import Freshness, Restrictions
from shortlist.server.index.lists import ListIndex
from shortlist.server.retrieval.eligibility import Eligibility
from shortlist.server.retrieval.plan import INDEX_COUNT_MAX, Method, Plan
from shortlist.server.retrieval.retrieve import ask
from shortlist.server.serving.serving_model import ServingModel
from tests.server.small_models import item_id, popularity_model, small_model, user_id

ITEMS = 400
TABLE = pa.table({"at": pa.array(range(ITEMS), pa.timestamp("ms")), "odd": [0, 1] * (ITEMS // 2)})
PLAIN = small_model(3, ITEMS, attributes=TABLE)
POPULAR = popularity_model(3, ITEMS, attributes=TABLE)
KNOWN = RetrieveQuery(UserQuery(user_id(1)), count=10)
STRANGER = replace(KNOWN, query=UserQuery("nobody"))
SHORT = replace(KNOWN, candidate_item_ids=(item_id(1), item_id(2)))
FRESH = replace(KNOWN, freshness=Freshness(1000))
NONE = replace(KNOWN, restrictions=Restrictions("odd = 2"))
ODD = replace(KNOWN, restrictions=Restrictions("odd = 1"))


@pytest.fixture(scope="module")
def indexed() -> ServingModel:
    assert PLAIN.space is not None
    vectors = PLAIN.space.item_vectors
    file = build_inverted_file(vectors, quantize(vectors))
    index = ListIndex(vectors, file, file.list_count)
    return replace(PLAIN, space=replace(PLAIN.space, index=index, index_pays=True))


def planned(model: ServingModel, query: RetrieveQuery) -> Plan:
    return ask(model, query, Eligibility()).plan


@pytest.mark.parametrize(
    ("model", "query", "methods"),
    [
        (PLAIN, KNOWN, [Method.SCAN]),
        (PLAIN, ODD, [Method.SCAN]),
        (PLAIN, STRANGER, [Method.RANKED]),
        (PLAIN, SHORT, [Method.GATHER]),
        (PLAIN, FRESH, [Method.FADED, Method.GATHER]),
        (PLAIN, replace(SHORT, freshness=Freshness(1000)), [Method.GATHER]),
        (PLAIN, NONE, [Method.NOTHING]),
        (POPULAR, KNOWN, [Method.RANKED]),
        (POPULAR, FRESH, [Method.GATHER]),
        (POPULAR, SHORT, [Method.GATHER]),
        (POPULAR, NONE, [Method.NOTHING]),
    ],
)
def test_a_query_is_searched_by_the_way_made_for_it(
    model: ServingModel, query: RetrieveQuery, methods: list[Method]
) -> None:
    assert list(planned(model, query).methods) == methods


def test_an_index_is_asked_first_and_a_scan_where_it_finds_too_little(
    indexed: ServingModel,
) -> None:
    both = (Method.INDEX, Method.SCAN)
    assert planned(indexed, KNOWN).methods == both
    assert planned(indexed, replace(KNOWN, mode=SearchMode.EXACT)).methods == (Method.SCAN,)
    assert planned(indexed, ODD).methods == (Method.SCAN,)
    assert planned(indexed, replace(KNOWN, count=ITEMS)).methods == (Method.SCAN,)
    assert planned(indexed, STRANGER).methods == (Method.RANKED,)


def test_more_candidates_than_planned_are_found_by_what_can_find_so_many(
    indexed: ServingModel,
) -> None:
    """Variety asks the same plan again for more."""
    plan = planned(indexed, KNOWN)
    assert plan.methods_for(INDEX_COUNT_MAX) == (Method.INDEX, Method.SCAN)
    assert plan.methods_for(INDEX_COUNT_MAX + 1) == (Method.SCAN,)
    assert plan.methods_for(COUNT_MAX) == (Method.SCAN,)
    assert plan.methods_for(COUNT_MAX + 1) == (Method.GATHER,)
    assert planned(PLAIN, FRESH).methods_for(COUNT_MAX + 1) == (Method.GATHER,)
    assert planned(PLAIN, STRANGER).methods_for(COUNT_MAX + 1) == (Method.RANKED,)
    assert planned(PLAIN, NONE).methods_for(COUNT_MAX + 1) == (Method.NOTHING,)
