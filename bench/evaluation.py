"""Measuring a model over the whole catalog: all of Gowalla's users, beside irspack and ranx.

Ours ranks the best 100 of all items for every user and takes every metric at 10, 20 and 100, with
standard errors and recall by decile. irspack's evaluator gets the scores of the same embeddings
from numpy, block by block, and takes its metrics at 20 alone, then at all three (not with --quick).
ranx ranks nothing: it gets our rankings in its own compiled form, and measures recall and NDCG.
Quality is Recall@20 and NDCG@20, which all three must agree on.
"""

import time
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from irspack.evaluation import Evaluator
from ranx import Qrels, Run
from ranx import evaluate as ranx_evaluate
from scipy.sparse import csr_matrix

from bench.gowalla import gowalla_or_generated
from bench.report import Report, arguments, median_seconds
from shortlist.core.data.interactions import Interactions
from shortlist.core.metrics.decile_recall import recall_by_decile
from shortlist.core.metrics.metrics import RankingMetrics, evaluate_ranking
from shortlist.core.scan.scoring import ItemScan, TopRows
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import WalsFactors, train_wals

CUTOFFS = (10, 20, 100)
USERS_A_BLOCK = 512
THREADS = 2


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("evaluation", as_json=options.json)
    data = gowalla_or_generated()
    peer_cutoffs = [[20]] if options.quick else [[20], list(CUTOFFS)]
    for dim in (64,) if options.quick else (64, 256):
        factors = train_wals(data.train, WalsParams(dim=dim, epochs=3), threads=THREADS)
        measure(report, f"{data.name} dim={dim}", factors, data.train, data.test, peer_cutoffs)


def measure(
    report: Report,
    job: str,
    factors: WalsFactors,
    train: Interactions,
    test: Interactions,
    peer_cutoffs: list[list[int]],
) -> None:
    counts = np.bincount(train.columns, minlength=train.column_count)
    scan = ItemScan(factors.items)

    def ranked() -> TopRows:
        return scan.top(factors.users, CUTOFFS[-1], excluded=train, threads=THREADS)

    def metrics(top: TopRows) -> RankingMetrics:
        recall_by_decile(top, test, CUTOFFS, counts)
        return evaluate_ranking(top, test, CUTOFFS, counts)

    top = ranked()
    found = metrics(top)
    ours = median_seconds(lambda: metrics(ranked()), repeat=3)
    matrices = [csr_matrix((np.ones(m.entry_count), m.columns, m.row_starts), shape=(
        m.row_count, m.column_count)) for m in (test, train)]  # fmt: skip
    evaluator = Evaluator(
        matrices[0], cutoff=20, masked_interactions=matrices[1], n_threads=THREADS
    )
    quality = f"R@20 {found.mean('recall', 20):.4f} N@20 {found.mean('ndcg', 20):.4f}"
    for cutoffs in peer_cutoffs:
        started = time.perf_counter()
        theirs = evaluator.get_scores_from_score_chunks(score_blocks(factors), cutoffs)
        seconds = time.perf_counter() - started
        beside = f"{theirs['recall@20']:.4f} {theirs['ndcg@20']:.4f}"
        report.row(
            f"{job} rank and measure", "all users", "s", ours, peer=f"irspack, at {cutoffs}",
            peer_value=seconds, quality=f"{quality} beside {beside}",
        )  # fmt: skip
    alone = median_seconds(lambda: metrics(top), repeat=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's own
        seconds, beside = measured_by_ranx(top, test)
    report.row(
        f"{job} measure rankings", "all users", "s", alone, peer="ranx, recall and ndcg",
        peer_value=seconds, quality=f"{quality} beside {beside}",
    )  # fmt: skip


def score_blocks(factors: WalsFactors) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the scores of all items, block of users by block."""
    for first in range(0, len(factors.users), USERS_A_BLOCK):
        yield factors.users[first : first + USERS_A_BLOCK] @ factors.items.T


def measured_by_ranx(top: TopRows, test: Interactions) -> tuple[float, str]:
    """Return ranx's seconds for metrics of given rankings, and what it found."""
    users = [user for user in range(test.row_count) if len(test.row(user)[0])]
    qrels = Qrels({f"{user}": {f"{item}": 1 for item in test.row(user)[0]} for user in users})
    run = Run({
        f"{user}": {f"{item}": float(-at) for at, item in enumerate(top.rows[user].tolist())}
        for user in users
    })  # fmt: skip
    names = [f"{metric}@{cutoff}" for metric in ("recall", "ndcg") for cutoff in CUTOFFS]
    found = ranx_evaluate(qrels, run, names)
    seconds = median_seconds(lambda: ranx_evaluate(qrels, run, names), repeat=3)
    return seconds, f"{found['recall@20']:.4f} {found['ndcg@20']:.4f}"


if __name__ == "__main__":
    main()
