"""Exact retrieval beside every exact peer, k=100, one thread: `python -m bench.scoring`.

Jobs: exact search as served (int8 with re-score) and in float32, what share of the machine the
float32 scan reaches, masks, and where gathering starts to pay (GATHER_SHARE of core/scoring.py).
Quality is recall@100 against the float32 scan, which tests hold to brute force in float64.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.report import ROOT, Report, arguments, data_folder
from bench.scoring_peers import exact_peers
from shortlist.core import scoring
from shortlist.core.bitmaps import pack_bitmap
from shortlist.core.interactions import Events, FloatArray, build_interactions
from shortlist.core.quantization import quantize
from shortlist.core.scoring import ItemScan
from shortlist.core.wals import train_wals
from shortlist.core.wals_params import WalsParams

K = 100
BATCHES = (1, 16, 256)
TURN_S = 0.01
CACHE = Path(tempfile.gettempdir()) / "shortlist-bench"


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("scoring", as_json=options.json)
    sizes = [("41k", 64)] if options.quick else [("41k", 64), ("41k", 128), ("1M", 64)]
    for label, dim in sizes:
        items, users = factors(dim)
        if label == "1M":
            items = grown(items, 1_000_000)
        name = f"items={label if len(items) > 40_000 else len(items)} dim={dim}"
        measure_exact(report, items, users, name)
        measure_machine_share(report, items, users, name)
        measure_masks(report, items, users, name)


def factors(dim: int) -> tuple[FloatArray, FloatArray]:
    """Return (items, users): WALS on Gowalla where it is, else random vectors of uneven length."""
    cached = CACHE / f"gowalla-{dim}.npz"
    if cached.exists():
        with np.load(cached) as arrays:
            return arrays["items"], arrays["users"]
    folder = data_folder("gowalla")
    if folder is None:
        rng = np.random.default_rng(0)
        lengths = rng.gamma(2, 1, (41_000, 1))
        vectors = (rng.standard_normal((41_000, dim)) * lengths).astype(np.float32)
        return vectors, vectors[::10].copy()
    lines = (folder / "train.txt").read_text().splitlines()
    rows = [np.array(line.split(), np.int32) for line in lines if line.strip()]
    users = np.concatenate([np.full(len(row) - 1, row[0], np.int32) for row in rows])
    visited = np.concatenate([row[1:] for row in rows])
    events = Events(users, visited, np.ones(len(users), np.float32))
    interactions = build_interactions(events, int(users.max()) + 1, int(visited.max()) + 1)
    trained = train_wals(interactions, WalsParams(dim=dim, epochs=8))
    CACHE.mkdir(exist_ok=True)
    np.savez(cached, items=trained.items, users=trained.users)
    return trained.items, trained.users


def grown(items: FloatArray, count: int) -> FloatArray:
    """Return `count` synthetic items: real ones drawn at random, with noise a third their spread."""
    rng = np.random.default_rng(1)
    drawn = items[rng.integers(0, len(items), count)]
    noise = rng.standard_normal(drawn.shape, dtype=np.float32) * (items.std(axis=0) / 3)
    return np.ascontiguousarray(drawn + noise)


def measure_exact(report: Report, items: FloatArray, users: FloatArray, name: str) -> None:
    """Search with us, in both ways, and with every peer, in turns; the best peer is shown."""
    peers = exact_peers(items)
    served, floats = ItemScan(items, quantize(items)), ItemScan(items)
    rng = np.random.default_rng(2)
    sample = users[rng.choice(len(users), max(BATCHES), replace=False)]
    for batch in BATCHES:
        queries = sample[:batch].copy()
        runs: dict[str, Callable[[], object]] = {
            "served": lambda q=queries: served.top(q, K),  # type: ignore[misc]
            "float32": lambda q=queries: floats.top(q, K),  # type: ignore[misc]
        }
        for peer, search in peers.items():
            if not _hopeless(peer, len(items), batch):
                runs[peer] = lambda q=queries, s=search: s(q, K)  # type: ignore[misc]
        seconds = in_turns(runs)
        truth = floats.top(sample, K).rows
        recalls = {"served": recall(served.top(sample, K).rows, truth), "float32": 1.0}
        best = min((peer for peer in peers if peer in seconds), key=seconds.__getitem__)
        for ours in ("served", "float32"):
            report.row(
                f"exact {ours} batch={batch} {name}",
                "time",
                "ms",
                seconds[ours] * 1e3,
                peer=best,
                peer_value=seconds[best] * 1e3,
                quality=f"recall@{K} {recalls[ours]:.4f}",
            )


def _hopeless(peer: str, item_count: int, batch: int) -> bool:
    """Say which peer takes seconds a call and is never the best: leave it out."""
    return peer == "usearch" and item_count * batch > 1_000_000


def measure_machine_share(report: Report, items: FloatArray, users: FloatArray, name: str) -> None:
    """Compare the float32 scan with the read bandwidth (one query) and the multiply peak (256)."""
    scan = ItemScan(items, trusted=True)
    for batch, amount, metric, unit, limit in (
        (1, float(items.nbytes), "read", "GB/s", peak("read", items.nbytes)),
        (256, 2.0 * items.size * 256, "multiply", "GF/s", peak("fma")),
    ):
        queries = users[:batch].copy()
        seconds = in_turns({"scan": lambda q=queries: scan.top(q, K)})["scan"]  # type: ignore[misc]
        report.row(
            f"float32 scan batch={batch} {name}",
            metric,
            unit,
            amount / seconds / 1e9,
            peer="machine limit",
            peer_value=limit,
            smaller_is_better=False,
        )


def peak(*job: object) -> float:
    """Return what bench/peak.c measures; NaN without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return float("nan")
    CACHE.mkdir(exist_ok=True)
    program = CACHE / "peak"
    source = ROOT / "bench" / "peak.c"
    options = ["-O3", "-march=native", "-ffp-contract=fast"]
    subprocess.run([compiler, *options, str(source), "-o", str(program)], check=True)
    command = [str(program), *map(str, job)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_masks(report: Report, items: FloatArray, users: FloatArray, name: str) -> None:
    """Answer under masks, beside numpy on the gathered rows; and gathering beside scanning."""
    query = users[:1].copy()
    scan = ItemScan(items, quantize(items), trusted=True)
    rng = np.random.default_rng(3)
    for share in (0.5, 1 / 4, 1 / 6, 1 / 8, 0.1, 0.01):
        members = rng.random(len(items)) < share
        eligible, rows = pack_bitmap(members), np.flatnonzero(members)

        def by_numpy(rows: np.ndarray = rows) -> object:  # type: ignore[type-arg]
            scores = items[rows] @ query[0]
            found = np.argpartition(scores, -K)[-K:]
            return rows[found[np.argsort(-scores[found])]]

        def with_threshold(gather_share: float, eligible: np.ndarray = eligible) -> object:  # type: ignore[type-arg]
            scoring.GATHER_SHARE, kept = gather_share, scoring.GATHER_SHARE  # type: ignore[misc]
            try:
                return scan.top(query, K, eligible=eligible)
            finally:
                scoring.GATHER_SHARE = kept  # type: ignore[misc]

        seconds = in_turns(
            {
                "ours": lambda e=eligible: scan.top(query, K, eligible=e),  # type: ignore[misc]
                "numpy": by_numpy,
                "gather": lambda w=with_threshold: w(1.1),  # type: ignore[misc]
                "scan": lambda w=with_threshold: w(0.0),  # type: ignore[misc]
            }
        )
        report.row(
            f"eligible {share:.3g} batch=1 {name}",
            "time",
            "ms",
            seconds["ours"] * 1e3,
            peer="numpy gather",
            peer_value=seconds["numpy"] * 1e3,
            quality=f"gather {seconds['gather'] * 1e3:.3g} scan {seconds['scan'] * 1e3:.3g} ms",
        )


def in_turns(runs: dict[str, Callable[[], object]], turns: int = 5) -> dict[str, float]:
    """Return the median seconds of each, run in turns so that noise meets all of them alike.

    A turn is calls for TURN_S that do not count, then calls for twice as long that do: a server
    answers with its own items in the cache, not with those of seven libraries.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            _timed(run, TURN_S)
            times[name] += _timed(run, 2 * TURN_S)
    return {name: statistics.median(taken) for name, taken in times.items()}


def _timed(run: Callable[[], object], seconds: float) -> list[float]:
    """Call for so long, at least once; return what each call took."""
    times = []
    while not times or sum(times) < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def recall(found: np.ndarray, truth: np.ndarray) -> float:  # type: ignore[type-arg]
    """Return the mean share of the true rows that were found."""
    shares = [len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]
    return float(np.mean(shares))


if __name__ == "__main__":
    main()
