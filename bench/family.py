"""The cheaper algorithms beside the libraries that have them: neighbours, SVD, explicit ratings."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import implicit.nearest_neighbours as peers
import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from bench.gowalla import gowalla_or_generated
from bench.report import Report, arguments, median_seconds
from shortlist.core.counts.neighbours import find_neighbours
from shortlist.core.counts.params import Weighting
from shortlist.core.data.interactions import Interactions, select_rows, transposed
from shortlist.core.linear.svd import decompose
from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.ratings.params import RatingParams
from shortlist.core.ratings.ratings import train_ratings

THREADS = 2
NEIGHBOURS = 50
DIM = 64
POWER_ITERATIONS = 4
PEERS: dict[Weighting, type] = {
    "cosine": peers.CosineRecommender,
    "tfidf": peers.TFIDFRecommender,
    "bm25": peers.BM25Recommender,
}


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("family", as_json=options.json)
    data = gowalla_or_generated()
    matrix = data.train
    if options.quick:
        matrix = select_rows(matrix, np.arange(6_000, dtype=np.int32))
    job = f"{data.name} {matrix.entry_count:,} events"
    neighbours(report, job, matrix)
    svd(report, job, matrix)
    ratings(report, job, matrix)


def neighbours(report: Report, job: str, matrix: Interactions) -> None:
    by_item, given = transposed(matrix, THREADS), scipy_of(matrix)
    for weighting, kind in PEERS.items():
        peer = kind(K=NEIGHBOURS + 1, num_threads=THREADS)  # it counts the item itself
        theirs = median_seconds(partial(peer.fit, given, show_progress=False), repeat=3)
        ours = median_seconds(
            partial(find_neighbours, by_item, NEIGHBOURS, weighting, THREADS), repeat=3
        )
        nearest = find_neighbours(by_item, NEIGHBOURS, weighting, THREADS)
        report.row(
            f"{job} {weighting} top {NEIGHBOURS}", "item neighbours", "s", ours,
            peer="implicit", peer_value=theirs,
            quality=f"{shared(nearest.of, peer.similarity):.3f} of the neighbours are its own",
        )  # fmt: skip


def shared(
    ours: Callable[[int], tuple[np.ndarray, np.ndarray]], theirs: sparse.csr_matrix
) -> float:
    """Return the mean share of implicit's ten best that are among ours."""
    shares = []
    for item in range(0, theirs.shape[0], 97):
        row = theirs[item]
        others = row.indices != item
        best = row.indices[others][np.argsort(-row.data[others])[:10]]
        if len(best):
            shares.append(float(np.isin(best, ours(item)[0]).mean()))
    return float(np.mean(shares))


def svd(report: Report, job: str, matrix: Interactions) -> None:
    given, params = scipy_of(matrix), SvdParams(dim=DIM, power_iterations=POWER_ITERATIONS)

    def peer() -> np.ndarray:
        values: np.ndarray = randomized_svd(
            given, DIM, n_oversamples=16, n_iter=POWER_ITERATIONS, random_state=0
        )[1]
        return values

    ours = median_seconds(lambda: decompose(matrix, params, threads=THREADS), repeat=3)
    theirs = median_seconds(peer, repeat=3)
    energies = [
        float(np.square(values.astype(np.float64)).sum())
        for values in (decompose(matrix, params, threads=THREADS).singular_values, peer())
    ]
    report.row(
        f"{job} dim {DIM}", f"SVD, {POWER_ITERATIONS} power iterations", "s", ours,
        peer="sklearn randomized_svd", peer_value=theirs,
        quality=f"energy kept {energies[0] / energies[1]:.6f} of its",
    )  # fmt: skip


def ratings(report: Report, job: str, matrix: Interactions) -> None:
    """Time alone: no library here has this model."""
    stars = np.random.default_rng(0).integers(1, 6, matrix.entry_count).astype(np.float32)
    matrix, params = replace(matrix, values=stars), RatingParams(dim=DIM, epochs=2)
    started = time.perf_counter()
    losses = train_ratings(matrix, params, threads=THREADS).losses
    seconds = (time.perf_counter() - started) / params.epochs
    report.row(
        f"{job} dim {DIM}", "ratings ALS, an epoch", "s", seconds,
        quality=f"cost {losses[0]:.4g} then {losses[1]:.4g}",
    )  # fmt: skip


def scipy_of(matrix: Interactions) -> sparse.csr_matrix:
    """Return the same matrix as the libraries take it."""
    parts = matrix.values, matrix.columns, matrix.row_starts
    return sparse.csr_matrix(parts, shape=(matrix.row_count, matrix.column_count))


if __name__ == "__main__":
    main()
