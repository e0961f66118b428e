"""What has no end of its own ends when the server drains."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from shortlist.v1 import model_service_pb2 as m
from tests.server.processes.running import started_child
from tests.server.published import publish
from tests.server.rpc.sockets import Connection, connected, refusal_of, settings_for
from tests.server.small_contents import write_events

DRAIN_S = 30.0  # a drain that waits for the call waits as long as this test may take


def exporting(served: Connection) -> Callable[[], object]:
    call = served.models.ExportCandidates(m.ExportCandidatesRequest())
    return lambda: list(call)


def evaluating(served: Connection) -> Callable[[], object]:
    events = write_events(served.folder / "test.parquet")
    source = m.InteractionSource(source=m.DataSource(uri=str(events)))
    return served.models.EvaluateModel.future(
        m.EvaluateModelRequest(test_interactions=source)
    ).result


@pytest.mark.parametrize(
    ("begin", "module"), [(exporting, "exporting"), (evaluating, "evaluation")]
)
def test_long_work_is_given_up_when_the_server_drains(
    tmp_path: Path, begin: Callable[[Connection], Callable[[], object]], module: str
) -> None:
    """Its process stands still here, so that only giving it up can end the call."""
    settings = settings_for(tmp_path)
    publish(settings.data.dir, "a", alias="live")
    with connected(settings) as served, ThreadPoolExecutor(1) as pool:
        wait = begin(served)
        os.kill(started_child(os.getpid(), f"shortlist.server.{module}"), signal.SIGSTOP)
        stopping = pool.submit(served.server.stop, DRAIN_S)
        with pytest.raises(grpc.RpcError) as failure:
            wait()
        assert refusal_of(failure.value).reason == "DRAINING"
        stopping.result(timeout=DRAIN_S / 2)
