"""What the server says of itself, over a real socket."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from shortlist.server.operations.installation import installation
from shortlist.v1 import CONTRACT_REVISION
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import server_service_pb2 as s
from shortlist.v1.server_service_pb2_grpc import ServerServiceStub
from tests.server.rpc.sockets import connected, settings_for


def test_a_server_says_what_it_is_while_models_still_load(tmp_path: Path) -> None:
    with connected(settings_for(tmp_path), loaded=False) as connection:
        info = ServerServiceStub(connection.channel).GetServerInfo(s.GetServerInfoRequest())
    installed = installation()
    assert (info.version, info.commit) == (installed.version, installed.commit)
    assert tuple(info.extras) == installed.extras
    assert info.contract_revision == CONTRACT_REVISION > 0


def test_every_algorithm_that_it_names_is_accepted(tmp_path: Path) -> None:
    """And those of the contract are all of them."""
    events = tmp_path / "events.parquet"
    pq.write_table(pa.table({"user_id": ["u"], "item_id": ["i"]}), events)
    source = m.InteractionSource(source=m.DataSource(uri=str(events)))
    with connected(settings_for(tmp_path)) as connection:
        info = ServerServiceStub(connection.channel).GetServerInfo(s.GetServerInfoRequest())
        assert "wals" in info.algorithms
        for name in info.algorithms:
            request = m.TrainRequest(interactions=source)
            getattr(request, name).SetInParent()
            job = connection.models.Train(request)
            assert job.request.WhichOneof("algorithm") == name
