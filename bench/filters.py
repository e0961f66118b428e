"""Retrieval when few items are eligible: our masked scan beside over-fetching from a graph, k=100.

Gowalla's item embeddings (WALS, default settings), one thread, one query at a time. Over-fetching
asks usearch for more and more nearest items, up to all of them, and keeps the eligible ones; the
best recall it reaches counts, and the time it needs for that. Compiling and caching of filter
expressions over as many items is measured by itself.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
from usearch.index import Index

from bench.gowalla import gowalla_or_generated
from bench.report import Report, arguments, median_seconds
from shortlist.core.data.bitmaps import pack_bitmap
from shortlist.core.data.interactions import FloatArray, IntArray, LongArray
from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals
from shortlist.server.serving.attributes import ItemAttributes

K = 100
SHARES = (0.5, 0.1, 0.01, 0.001)
FILTER = 'city = "c7" AND year >= 1990 AND NOT tags:t3'


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("filters", as_json=options.json)
    data = gowalla_or_generated()
    factors = train_wals(data.train, WalsParams(dim=64, epochs=6), threads=2)
    query_count = 30 if options.quick else 200
    users = np.random.default_rng(1).choice(data.train.row_count, query_count, replace=False)
    queries = np.ascontiguousarray(factors.users[users])
    graph = graph_of(factors.items)
    scan = ItemScan(factors.items, quantize(factors.items))
    for share in (0.01,) if options.quick else SHARES:
        masked(report, data.name, scan, graph, queries, share)
    compiled(report, len(factors.items))


def masked(
    report: Report, name: str, scan: ItemScan, graph: Index, queries: FloatArray, share: float
) -> None:
    members = np.random.default_rng(2).random(scan.item_count) < share
    eligible = pack_bitmap(members)
    exact = [scan.top(query[None], K, eligible=eligible) for query in queries]
    wanted = [top.rows[0, : int(top.counts[0])] for top in exact]
    ours = median_seconds(lambda: [scan.top(q[None], K, eligible=eligible) for q in queries])
    best_recall, best_seconds, fetched = 0.0, float("inf"), 0

    def fetch(count: int) -> list[LongArray]:
        return [overfetched(graph, query, members, count) for query in queries]

    for count in sorted({K, 1000, 5000, 20_000, scan.item_count}):
        recall = recall_of(fetch(count), wanted)
        if recall <= best_recall:
            continue
        seconds = median_seconds(partial(fetch, count), repeat=1)
        best_recall, best_seconds, fetched = recall, seconds, count
    report.row(
        f"{name} dim=64 eligible={share:.1%}", "query", "ms", ours / len(queries) * 1000,
        peer=f"usearch, {fetched:,} fetched", peer_value=best_seconds / len(queries) * 1000,
        quality=f"recall@{K} 1.0000 beside {best_recall:.4f}",
    )  # fmt: skip


def graph_of(items: FloatArray) -> Index:
    """Return usearch's own graph over inner products."""
    graph = Index(
        ndim=items.shape[1], metric="ip", dtype="f32", connectivity=32, expansion_add=128,
        expansion_search=128,
    )  # fmt: skip
    graph.add(np.arange(len(items)), items, threads=1)
    return graph


def overfetched(graph: Index, query: FloatArray, members: np.ndarray, count: int) -> LongArray:
    keys: LongArray = graph.search(query, count).keys
    eligible: LongArray = keys[members[keys]]
    return eligible[:K]


def recall_of(found: Sequence[LongArray], wanted: Sequence[IntArray]) -> float:
    pairs = zip(found, wanted, strict=True)
    hits = sum(len(np.intersect1d(ours, exact)) for ours, exact in pairs)
    return hits / sum(map(len, wanted))


def compiled(report: Report, item_count: int) -> None:
    """Measure one filter: read and evaluated for the first time, and from the cache."""
    rng = np.random.default_rng(3)
    table = pa.table(
        {
            "city": [f"c{number}" for number in rng.integers(20, size=item_count)],
            "year": rng.integers(1980, 2020, item_count),
            "tags": [[f"t{number}"] for number in rng.integers(9, size=item_count)],
        }
    )
    fresh = median_seconds(lambda: ItemAttributes(table, item_count).filtered(FILTER))
    attributes = ItemAttributes(table, item_count)
    cached = median_seconds(lambda: attributes.filtered(FILTER))
    report.row(
        f"filter of 3 conditions items={item_count // 1000}k", "cached", "ms", cached * 1000,
        peer="first time", peer_value=fresh * 1000, quality="same bitmap",
    )  # fmt: skip


if __name__ == "__main__":
    main()
