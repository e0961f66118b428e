"""Stochastic training beside implicit's, and beside WALS: seconds an epoch, and what they reach.

Gowalla, dim 64, two threads. Quality is Recall@20 and NDCG@20 of the whole catalog on the test part
(LightGCN's definitions). The settings of the softmax were chosen on the validation part. Also how
long it takes to be as good as a peer is at its end, and what share of one core's multiply-adds the
products of the blocks (3 of pairs x negatives x dim) reach in a whole epoch.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
from implicit.bpr import BayesianPersonalizedRanking
from implicit.lmf import LogisticMatrixFactorization
from scipy import sparse

from bench.gowalla import Benchmark, gowalla_or_generated
from bench.peak import peak
from bench.report import Report, arguments
from shortlist.core.data.interactions import FloatArray
from shortlist.core.metrics.metrics import evaluate_ranking
from shortlist.core.progress import Epoch
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.sgd.params import SgdParams
from shortlist.core.sgd.sgd import SgdFactors, train_sgd
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals

THREADS = 2
SOFTMAX = SgdParams(epochs=32, temperature=0.12, negative_count=512)
BPR = SgdParams("bpr", epochs=20, negative_count=16, cosine=False, regularization=1e-5)
LOGISTIC = SgdParams("logistic", epochs=20, negative_count=32, negative_weight=8.0)
WALS = WalsParams(
    epochs=4, unobserved_weight=0.002, regularization=0.008,
    user_frequency_exponent=0.25, item_frequency_exponent=0.25,
)  # fmt: skip


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("sgd", as_json=options.json)
    data = gowalla_or_generated()
    users = sparse.csr_matrix(
        (data.train.values, data.train.columns, data.train.row_starts),
        shape=(data.train.row_count, data.train.column_count),
    )
    peers = {
        "bpr": BayesianPersonalizedRanking(64, iterations=2 if options.quick else 100),
        "logistic": LogisticMatrixFactorization(64, iterations=2 if options.quick else 30),
    }
    for name, params in (("bpr", BPR), ("logistic", LOGISTIC)):
        peer = peers[name]
        peer.num_threads = THREADS
        started = time.perf_counter()
        peer.fit(users, show_progress=False)
        seconds = (time.perf_counter() - started) / peer.iterations
        found = recall_and_ndcg(data, peer.user_factors, peer.item_factors)
        theirs = f"implicit {name}", seconds, quality(*found)
        row(report, data, name, params, theirs, quick=options.quick)
        until_as_good(report, data, name, params, (found[0], seconds * peer.iterations))
    started = time.perf_counter()
    factors = train_wals(data.train, WALS, threads=THREADS)
    seconds = (time.perf_counter() - started) / WALS.epochs
    theirs = "our WALS", seconds, quality(*recall_and_ndcg(data, factors.users, factors.items))
    row(report, data, "softmax", SOFTMAX, theirs, quick=options.quick)
    for name, params in (("softmax", SOFTMAX), ("bpr", replace(BPR, negative_count=256))):
        share_of_peak(report, data, name, params)


def row(
    report: Report,
    data: Benchmark,
    name: str,
    params: SgdParams,
    peer: tuple[str, float, str],
    *,
    quick: bool,
) -> None:
    params = replace(params, epochs=2) if quick else params
    started = time.perf_counter()
    factors = train_sgd(data.train, params, threads=THREADS)
    seconds = (time.perf_counter() - started) / params.epochs
    found = quality(*recall_and_ndcg(data, factors.users, factors.items))
    report.row(
        f"{data.name} dim=64 {name} epoch", "epoch", "s", seconds,
        peer=peer[0], peer_value=peer[1],
        quality=f"{found} after {params.epochs} epochs beside {peer[2]}",
    )  # fmt: skip


def until_as_good(
    report: Report, data: Benchmark, name: str, params: SgdParams, peer: tuple[float, float]
) -> None:
    """Report the time until Recall@20 is the peer's at its end, without that of measuring."""
    recall, seconds = peer
    taken, reached = 0.0, 0.0

    class AsGoodError(Exception):
        """Nothing more is to be learned."""

    def look(epoch: Epoch, factors: Callable[[], SgdFactors]) -> None:
        nonlocal taken, reached
        taken += epoch.seconds
        found = factors()
        reached = recall_and_ndcg(data, found.users, found.items)[0]
        if reached >= recall:
            raise AsGoodError

    with suppress(AsGoodError):
        train_sgd(data.train, params, threads=THREADS, on_epoch=look)
    report.row(
        f"{data.name} dim=64 {name} as good", "training", "s", taken,
        peer=f"implicit {name}", peer_value=seconds,
        quality=f"R@20 {reached:.4f} beside {recall:.4f}",
    )  # fmt: skip


def share_of_peak(report: Report, data: Benchmark, name: str, params: SgdParams) -> None:
    """Report one thread's gigaflops in a second epoch: in the products alone, all the time."""
    seconds: list[float] = []
    train_sgd(
        *(data.train, replace(params, epochs=2)),
        threads=1,
        on_epoch=lambda epoch, factors: seconds.append(epoch.seconds),
    )
    flops = 3 * 2 * data.train.entry_count * params.negative_count * params.dim
    report.row(
        f"{data.name} dim=64 {name} n={params.negative_count}", "products", "GFLOP/s",
        flops / seconds[1] / 1e9, peer="multiply-adds at best", peer_value=peak("fma"),
        smaller_is_better=False, quality="one thread",
    )  # fmt: skip


def recall_and_ndcg(data: Benchmark, users: FloatArray, items: FloatArray) -> tuple[float, float]:
    items, users = (np.ascontiguousarray(one, np.float32) for one in (items, users))
    top = ItemScan(items).top(users, 20, excluded=data.train, threads=THREADS)
    found = evaluate_ranking(top, data.test, [20])
    return found.mean("recall", 20), found.mean("ndcg", 20)


def quality(recall: float, ndcg: float) -> str:
    return f"R@20 {recall:.4f} NDCG@20 {ndcg:.4f}"


if __name__ == "__main__":
    main()
