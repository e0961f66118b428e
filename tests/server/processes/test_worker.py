"""A serving worker holds what answers requests, and nothing that learns."""

import subprocess
import sys
from pathlib import Path

from tests.server.published import publish

PROGRAM = """
import sys
from pathlib import Path
from shortlist.v1 import query_pb2, retrieval_service_pb2 as pb2
from tests.server.rpc.sockets import connected, settings_for

with connected(settings_for(Path(sys.argv[1]))) as to:
    user = query_pb2.UserQuery(user_id="nobody", history=[query_pb2.Event(item_id="i001")])
    query = query_pb2.Query(user=user)
    reply = to.retrieval.Retrieve(pb2.RetrieveRequest(query=query, count=3))
    assert len(reply.item_ids) == 3, reply
print("\\n".join(name for name in sys.modules if name.startswith(("shortlist", "torch"))))
"""


def test_a_serving_worker_imports_no_trainer(tmp_path: Path) -> None:
    """A trainer may bring a library of gigabytes, in every worker."""
    publish(tmp_path / "data", "m1", alias="live")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "shortlist.server.encoders.fold_in" in loaded
    forbidden = ("shortlist.server.trainers", "shortlist.server.training", "torch")
    assert not [name for name in loaded if name.startswith(forbidden)]
