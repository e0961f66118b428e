"""The approximate index beside plain usearch over inner products and beside exact search, k=100.

Gowalla's item embeddings (WALS, default settings), one thread, one query at a time. Quality is
recall@100 against exact search. The plain index has the same connectivity and effort: what differs
is the metric (one more coordinate instead of raw inner products) and the order of insertion.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
from usearch.index import Index

from bench.gowalla import gowalla_or_generated
from bench.report import Report, arguments, median_seconds
from shortlist.core.interactions import FloatArray, LongArray
from shortlist.core.quantization import quantize
from shortlist.core.scoring import ItemScan
from shortlist.core.wals import train_wals
from shortlist.core.wals_params import WalsParams
from shortlist.server.index import CONNECTIVITY, EXPANSION_ADD, ApproximateIndex, build_index

K = 100


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("index", as_json=options.json)
    data = gowalla_or_generated()
    for dim in (64,) if options.quick else (64, 128):
        factors = train_wals(data.train, WalsParams(dim=dim), threads=2)
        users = np.random.default_rng(1).choice(data.train.row_count, 500, replace=False)
        queries = np.ascontiguousarray(factors.users[users])
        measure(report, f"{data.name} dim={dim}", factors.items, queries)


def measure(report: Report, job: str, items: FloatArray, queries: FloatArray) -> None:
    scan = ItemScan(items, quantize(items))
    exact = scan.top(queries, K).rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.usearch"
        built = build_index(path, items, queries)
        index = ApproximateIndex(path, built)
        found = [index.search(query, K)[0] for query in queries]
        ours = median_seconds(lambda: [index.search(query, K) for query in queries]) / len(queries)
    plain, plain_build_s = plain_index(items, built.expansion_search)
    keys = [plain.search(query, K).keys for query in queries]
    peer = median_seconds(lambda: [plain.search(query, K) for query in queries]) / len(queries)
    once = median_seconds(lambda: [scan.top(query[None], K) for query in queries]) / len(queries)
    ours_recall, plain_recall = recall(found, exact), recall(keys, exact)
    effort = f"expansion {built.expansion_search}"
    report.row(
        f"{job} approximate", "query", "ms", ours * 1000,
        peer="usearch, inner product", peer_value=peer * 1000,
        quality=f"recall@100 {ours_recall:.4f} beside {plain_recall:.4f}, {effort}",
    )  # fmt: skip
    report.row(
        f"{job} exact", "query", "ms", once * 1000,
        peer="our approximate index", peer_value=ours * 1000, quality="recall@100 1.0000",
    )  # fmt: skip
    report.row(
        f"{job} build", "build", "s", built.build_seconds, peer="usearch, inner product",
        peer_value=plain_build_s, quality="one thread, deterministic",
    )  # fmt: skip


def plain_index(items: FloatArray, expansion_search: int) -> tuple[Index, float]:
    """Build usearch's own inner-product index with our effort; return it and the seconds."""
    index = Index(
        ndim=items.shape[1], metric="ip", dtype="f32", connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD, expansion_search=expansion_search,
    )  # fmt: skip
    started = time.perf_counter()
    index.add(np.arange(len(items)), items, threads=1)
    return index, time.perf_counter() - started


def recall(found: list[LongArray], exact: np.ndarray) -> float:
    hits = [len(np.intersect1d(one, best)) for one, best in zip(found, exact, strict=True)]
    return float(np.mean(hits)) / K


if __name__ == "__main__":
    main()
