"""Stochastic training beside implicit's, and beside WALS: seconds an epoch, and what they reach.

Gowalla, dim 64, two threads. Quality is Recall@20 and NDCG@20 of the whole catalog on the test part
(LightGCN's definitions). The settings of the softmax were chosen on the validation part.
"""

import time
from dataclasses import replace

import numpy as np
from implicit.bpr import BayesianPersonalizedRanking
from implicit.lmf import LogisticMatrixFactorization
from scipy import sparse

from bench.gowalla import Benchmark, gowalla_or_generated
from bench.report import Report, arguments
from shortlist.core.interactions import FloatArray
from shortlist.core.metrics import evaluate_ranking
from shortlist.core.scoring import ItemScan
from shortlist.core.sgd import train_sgd
from shortlist.core.sgd_params import SgdParams
from shortlist.core.wals import train_wals
from shortlist.core.wals_params import WalsParams

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
        theirs = quality(data, peer.user_factors, peer.item_factors)
        row(report, data, name, params, (f"implicit {name}", seconds, theirs), quick=options.quick)
    started = time.perf_counter()
    factors = train_wals(data.train, WALS, threads=THREADS)
    seconds = (time.perf_counter() - started) / WALS.epochs
    theirs = quality(data, factors.users, factors.items)
    row(report, data, "softmax", SOFTMAX, ("our WALS", seconds, theirs), quick=options.quick)


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
    found = quality(data, factors.users, factors.items)
    report.row(
        f"{data.name} dim=64 {name} epoch", "epoch", "s", seconds,
        peer=peer[0], peer_value=peer[1],
        quality=f"{found} after {params.epochs} epochs beside {peer[2]}",
    )  # fmt: skip


def quality(data: Benchmark, users: FloatArray, items: FloatArray) -> str:
    items, users = (np.ascontiguousarray(one, np.float32) for one in (items, users))
    top = ItemScan(items).top(users, 20, excluded=data.train, threads=THREADS)
    found = evaluate_ranking(top, data.test, [20])
    return f"R@20 {found.mean('recall', 20):.4f} NDCG@20 {found.mean('ndcg', 20):.4f}"


if __name__ == "__main__":
    main()
