"""Live recall over a real socket: sampled, stored, shown with the model, gone with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from shortlist.core.scan.inverted_file import build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.server.config import with_overrides
from shortlist.server.index.lists import ListIndex
from shortlist.server.serving.serving_model import ServingModel, load_serving_model
from shortlist.server.storage.live_recall import LiveRecallStore
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import query_pb2 as q
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.published import publish
from tests.server.rpc.sockets import connected, settings_for


def with_index(folder: Path) -> ServingModel:
    """Load a model and give it an index that looks everywhere."""
    model = load_serving_model(folder)
    assert model.space is not None
    items = np.ascontiguousarray(model.space.item_vectors)
    lists = build_inverted_file(items, quantize(items))
    index = ListIndex(items, lists, probes=lists.list_count)
    return replace(model, space=replace(model.space, index=index))


def test_a_model_shows_what_its_live_searches_found(tmp_path: Path) -> None:
    settings = with_overrides(settings_for(tmp_path), "monitoring", recall_share=1.0)
    publish(settings.data.dir, "a", alias="live")
    publish(settings.data.dir, "b", created_ms=2)
    ask = m.GetModelRequest(model="a")
    with connected(settings, load=with_index) as connection:
        assert not connection.models.GetModel(ask).index.live_recalls
        for user in ("u000", "u001"):
            query = q.Query(user=q.UserQuery(user_id=user))
            reply = connection.retrieval.Retrieve(
                r.RetrieveRequest(query=query, count=5, mode=r.SEARCH_MODE_APPROXIMATE)
            )
            assert reply.search.mode == r.SEARCH_MODE_APPROXIMATE
    with connected(settings, load=with_index) as connection:  # a stopped worker stored its sums
        (live,) = connection.models.GetModel(ask).index.live_recalls
        assert (live.k, live.query_count, live.recall, live.dropped_count) == (10, 2, 1.0, 0)
        connection.models.SetAlias(m.SetAliasRequest(name="live", model_id="b"))
        connection.models.DeleteModel(m.DeleteModelRequest(model_id="a"))
    assert not LiveRecallStore(settings.data.dir).all()
