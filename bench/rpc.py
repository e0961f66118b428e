"""Retrieve over gRPC beside a bare gRPC echo of the same bytes on the same machine, in one run.

The echo is the ceiling: the same Python gRPC server settings, a handler that returns constant
bytes. Load comes from h2load (Debian: nghttp2-client) where it is installed, because a Python
client costs as much processor time as the server; else from Python clients, and the rows say so.
"""

import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import grpc
import pyarrow.parquet as pq

from bench.catalog import generate_world
from bench.demo import running_server
from bench.report import Report, arguments
from shortlist.client import EvaluationSpec, Shortlist, Wals
from shortlist.v1 import query_pb2, retrieval_service_pb2

Ask: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"

METHOD = "/shortlist.v1.RetrievalService/Retrieve"
IN_FLIGHT = 16
COUNT = 100


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("rpc", as_json=options.json)
    items, calls, seconds = (20_000, 3_000, 3.0) if options.quick else (100_000, 20_000, 10.0)
    with tempfile.TemporaryDirectory(prefix="shortlist-bench-") as folder:
        root = Path(folder)
        train(root, items, 200_000 if options.quick else 1_000_000)
        for workers in (1, 2):
            with running_server(root / "data", [root], "--workers", str(workers)) as target:
                measure(report, target, workers, items, calls, seconds)


def train(root: Path, item_count: int, event_count: int) -> None:
    """Publish one model with `item_count` items."""
    world = generate_world(
        item_count=item_count,
        user_count=20_000,
        event_count=event_count,
        seed=1,
        now_ms=1_760_000_000_000,
    )
    pq.write_table(world.events, root / "events.parquet")
    with (
        running_server(root / "data", [root]) as target,
        Shortlist(target, timeout_s=60) as shortlist,
    ):
        shortlist.train(
            interactions=str(root / "events.parquet"),
            algorithm=Wals(dim=64, epochs=3),
            evaluation=EvaluationSpec(split="none"),
            progress=False,
        )


def measure(
    report: Report, target: str, workers: int, items: int, calls: int, seconds: float
) -> None:
    """Throughput beside an echo of the same reply, then latency under a Poisson load."""
    request = retrieval_service_pb2.RetrieveRequest(
        query=query_pb2.Query(user=query_pb2.UserQuery(user_id="user-000123")), count=COUNT
    )
    body = request.SerializeToString()
    with grpc.insecure_channel(target) as channel:
        ask: Ask = channel.unary_unary(METHOD)
        reply = ask(body, timeout=30)
    parsed = retrieval_service_pb2.RetrieveResponse.FromString(reply)
    generator = "h2load" if shutil.which("h2load") else "python clients"
    ours = throughput(target, body, len(reply), calls)
    with echo_server(reply) as echo:
        ceiling = throughput(echo, body, len(reply), calls)
    report.row(
        f"retrieve workers={workers} items={items // 1000}k k={COUNT}", "throughput", "calls/s",
        ours, peer="gRPC echo, 1 process", peer_value=ceiling, smaller_is_better=False,
        quality=f"{len(parsed.item_ids)} candidates, {generator}, {IN_FLIGHT} in flight",
    )  # fmt: skip
    for rate in (200, 1_000):
        latencies = poisson_latencies(target, body, rate, seconds)
        cuts = statistics.quantiles(latencies, n=100)
        report.row(
            f"retrieve workers={workers} rate={rate}/s", "latency p50", "ms", cuts[49] * 1000,
            quality=f"p99 {cuts[98] * 1000:.2f} ms, {len(latencies)} calls, open loop",
        )  # fmt: skip


def throughput(target: str, body: bytes, reply_bytes: int, calls: int) -> float:
    """Return calls a second with IN_FLIGHT calls in flight over several connections."""
    run = _h2load if shutil.which("h2load") else _python_clients
    run(target, body, reply_bytes, calls // 5)  # warm up
    return statistics.median(run(target, body, reply_bytes, calls) for _ in range(3))


def _h2load(target: str, body: bytes, reply_bytes: int, calls: int) -> float:
    with tempfile.NamedTemporaryFile() as frame:
        frame.write(b"\0" + len(body).to_bytes(4, "big") + body)
        frame.flush()
        command = [
            "h2load",
            "-n",
            str(calls),
            "-c",
            "4",
            "-m",
            str(IN_FLIGHT // 4),
            "-d",
            frame.name,
        ]
        command += [
            "-H",
            "content-type: application/grpc",
            "-H",
            "te: trailers",
            f"http://{target}{METHOD}",
        ]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"finished in .*?, ([\d.]+) req/s", text)
    # h2load does not look at grpc-status; a refused call would carry no message bytes.
    received = re.search(r"\((\d+)\) data", text)
    if not found or not received or int(received[1]) < calls * reply_bytes:
        raise SystemExit(f"h2load: not every call was answered in full:\n{text}")
    return float(found[1])


def _python_clients(target: str, body: bytes, reply_bytes: int, calls: int) -> float:
    def client(share: int) -> None:
        with grpc.insecure_channel(
            target, options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            call: Ask = channel.unary_unary(METHOD)
            for _ in range(share):
                if len(call(body, timeout=30)) < reply_bytes:
                    raise SystemExit("a call was not answered in full")

    start = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(client, [calls // IN_FLIGHT] * IN_FLIGHT))
    return calls // IN_FLIGHT * IN_FLIGHT / (time.perf_counter() - start)


def poisson_latencies(target: str, body: bytes, rate: float, seconds: float) -> list[float]:
    """Send calls at random moments, whether or not earlier ones were answered; return latencies."""
    generator = random.Random(1)
    latencies: list[float] = []
    pending = threading.Semaphore(0)
    with grpc.insecure_channel(target) as channel:
        call: Ask = channel.unary_unary(METHOD)
        call(body, timeout=30)
        start = due = time.perf_counter()
        sent = 0
        while due - start < seconds:
            due += generator.expovariate(rate)
            time.sleep(max(0.0, due - time.perf_counter()))

            def done(_: object, due: float = due) -> None:
                latencies.append(time.perf_counter() - due)  # counted from when it was due
                pending.release()

            call.future(body, timeout=30).add_done_callback(done)
            sent += 1
        for _ in range(sent):
            pending.acquire()
    return latencies


class echo_server:  # noqa: N801 - a context manager, used like a function
    """A gRPC server in a process of its own that answers every call with the same bytes."""

    def __init__(self, reply: bytes) -> None:
        command = [sys.executable, "-m", "bench.echo", str(len(reply))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        self._process.stdin.write(reply)
        self._process.stdin.flush()

    def __enter__(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


if __name__ == "__main__":
    main()
