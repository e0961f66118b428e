"""The goals of retrieval, each beside its peers, one thread, k=100: `python -m bench.scoring`.

Exact search as served (int8 with re-score) at every SIMD level, beside the best exact peer at the
best level and beside numpy at the others; what share of the machine the float32 scan reaches;
masks, and where gathering starts to pay (GATHER_SHARE of core/scan/scoring.py). Without --quick
also a million items, approximate search (bench/index.py) and few eligible items (bench/filters.py).
Quality is recall@100 against the float32 scan, which tests hold to brute force in float64.
"""

import os
import statistics
import sys
from collections.abc import Callable

import numpy as np

from bench.factors import factors, grown, recall
from bench.filters import graph_of, masked
from bench.index import measure as measure_approximate
from bench.peak import peak
from bench.report import Report, arguments, in_turns
from bench.scoring_peers import exact_peers
from shortlist.core.cpu import SIMD_VARIABLE, available_levels
from shortlist.core.data.bitmaps import pack_bitmap
from shortlist.core.data.interactions import FloatArray
from shortlist.core.scan import scoring
from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan

K = 100
GOALS = {1: 2.3, 16: 3.0, 256: 3.0}  # batch: times as fast as the best peer, at the best level
READ_GOAL, MULTIPLY_GOAL = 0.70, 0.65  # of the machine's limit, one query and 256
APPROXIMATE_GOAL, FEW_GOAL = 1 / 0.7, 50.0  # times as fast as ScaNN, as over-fetching
SHARE_ROUNDS = 5


def main() -> None:
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # read when numpy is loaded: start again
        os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        os.execv(sys.executable, [sys.executable, "-m", "bench.scoring", *sys.argv[1:]])
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
    if not options.quick:
        items, users = factors(64)
        queries = users[np.random.default_rng(5).choice(len(users), 500, replace=False)]
        scan, graph = ItemScan(items, quantize(items)), graph_of(items)
        masked(report, f"41k dim=64, goal {FEW_GOAL:g}x,", scan, graph, queries[:200], 0.01)
        million = f"items=1M dim=64 goal {APPROXIMATE_GOAL:.2f}x"
        measure_approximate(report, million, grown(items, 1_000_000), queries)


def measure_exact(report: Report, items: FloatArray, users: FloatArray, name: str) -> None:
    """Search with us, at every level and in both ways, and with every peer, in turns."""
    peers, levels = exact_peers(items), available_levels()
    ways = {"served": ItemScan(items, quantize(items)), "float32": ItemScan(items)}
    sample = users[np.random.default_rng(2).choice(len(users), max(GOALS), replace=False)]
    truth = ways["float32"].top(sample, K).rows
    recalls = {}
    for level in levels:
        recalls[level] = recall(at_level(level, ways["served"], sample)().rows, truth)
    for batch, goal in GOALS.items():
        queries = sample[:batch].copy()
        runs: dict[str, Callable[[], object]] = {
            f"{way} {level}": at_level(level, scan, queries)
            for level in levels
            for way, scan in ways.items()
        }
        for peer, search in peers.items():
            if not _hopeless(peer, len(items), batch):
                runs[peer] = lambda q=queries, s=search: s(q, K)  # type: ignore[misc]
        seconds = in_turns(runs)
        best = min((peer for peer in peers if peer in seconds), key=seconds.__getitem__)
        for level in reversed(levels):
            at_best = level == levels[-1]
            ours, floats = seconds[f"served {level}"], seconds[f"float32 {level}"]
            peer = best if at_best else "numpy"
            report.row(
                f"exact batch={batch} {name} {level}",
                "time",
                "ms",
                ours * 1e3,
                peer=peer,
                peer_value=seconds[peer] * 1e3,
                quality=f"goal {goal if at_best else 1:g}x, recall@{K} {recalls[level]:.4f}; "
                f"float32 {floats * 1e3:.4g} ms, {seconds[peer] / floats:.2f}x",
            )


def at_level(level: str, scan: ItemScan, queries: FloatArray) -> Callable[[], scoring.TopRows]:
    """Return the search of these queries with the kernels of a SIMD level."""

    def search() -> scoring.TopRows:
        os.environ[SIMD_VARIABLE] = level
        try:
            return scan.top(queries, K)
        finally:
            del os.environ[SIMD_VARIABLE]

    return search


def _hopeless(peer: str, item_count: int, batch: int) -> bool:
    """Say which peer takes seconds a call and is never the best: leave it out."""
    return peer == "usearch" and item_count * batch > 1_000_000


def measure_machine_share(report: Report, items: FloatArray, users: FloatArray, name: str) -> None:
    """Compare the float32 scan with the read bandwidth (one query) and the multiply peak (256).

    The multiply peak is that of the level's own instructions. Both sides are measured in turns, and
    the turn of median share is shown: the clock of a shared machine changes between turns.
    """
    scan, levels = ItemScan(items, trusted=True), available_levels()
    many = 2.0 * items.size * max(GOALS)
    for batch, amount, metric, unit, goal in (
        (1, float(items.nbytes), "read", "GB/s", READ_GOAL),
        (max(GOALS), many, "multiply", "GF/s", MULTIPLY_GOAL),
    ):
        for level in reversed(levels):
            search, turns = at_level(level, scan, users[:batch].copy()), []
            for _ in range(SHARE_ROUNDS):
                reached = amount / in_turns({"scan": search}, turns=1)["scan"] / 1e9
                limit = peak("read", items.nbytes) if batch == 1 else peak("fma", level=level)
                turns.append((reached / limit, reached, limit))
            _, reached, limit = statistics.median_low(turns)
            report.row(
                f"float32 scan batch={batch} {name} {level}",
                metric,
                unit,
                reached,
                peer="machine limit",
                peer_value=limit,
                smaller_is_better=False,
                quality=f"goal {goal:.2f}x" if level == levels[-1] else "",
            )


def measure_masks(report: Report, items: FloatArray, users: FloatArray, name: str) -> None:
    """Answer under masks, beside numpy on the gathered rows; and gathering beside scanning."""
    query = users[:1].copy()
    scan = ItemScan(items, quantize(items), trusted=True)
    rng = np.random.default_rng(3)
    for share in (0.5, 1 / 4, 1 / 6, 1 / 8, 0.1, 0.01):
        members = rng.random(len(items)) < share
        eligible, rows = pack_bitmap(members), np.flatnonzero(members)

        def by_numpy(rows: np.ndarray = rows) -> object:
            scores = items[rows] @ query[0]
            found = np.argpartition(scores, -K)[-K:]
            return rows[found[np.argsort(-scores[found])]]

        def with_threshold(gather_share: float, eligible: np.ndarray = eligible) -> object:
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


if __name__ == "__main__":
    main()
