"""How good WALS is on data whose figures are known, beside those figures and tuned peers.

Settings, ours and the peers', were found on validation parts alone (Gowalla: its validation file
or the ends of its training lists; NCF: one random item a user; MovieLens: other unseen users;
Globo: the day before). Here the model is trained on train and validation and the test is measured.
Ratios above 1: better than the peer.
"""

import contextlib
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from irspack import IALSRecommender
from scipy.sparse import csr_matrix

from bench.gowalla import gowalla_or_generated
from bench.quality_data import (
    NextDay,
    globo_next_day,
    movielens_1m,
    ncf_movielens,
    unseen_users,
)
from bench.report import Report, arguments, data_folder
from shortlist.core.counts.popularity import decayed_popularity
from shortlist.core.data.bitmaps import Bitmap, pack_bitmap
from shortlist.core.data.interactions import Interactions
from shortlist.core.metrics.metrics import evaluate_ranking
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals
from shortlist.server.trainers.trainer import TrainingData
from shortlist.server.trainers.wals import Wals

THREADS = 2


def tuned(dim: int, epochs: int, **settings: float) -> WalsParams:
    """Return settings of a path as early stopping takes it: steadily, from random vectors."""
    path = {"over_relaxation": 1.0, "init_stddev": 0.1} | settings
    return WalsParams(dim=dim, epochs=epochs, **path)  # type: ignore[arg-type]


def weights(w0: float, regularization: float, nu: float, p: float, q: float) -> dict[str, float]:
    """Return the five settings that tuning looks for."""
    return {
        "unobserved_weight": w0,
        "regularization": regularization,
        "regularization_exponent": nu,
        "user_frequency_exponent": p,
        "item_frequency_exponent": q,
    }


LARGE = weights(0.003, 0.036, 0.5, 0.29, 0.36)  # by the ends of Gowalla's training lists
# Settings, then the bar: Recall@20 and NDCG@20.
GOWALLA = (
    (tuned(64, 3, init_stddev=0.01, **weights(0.0023, 0.0065, 0.75, 0.28, 0.36)), 0.158, 0.135),
    (tuned(256, 3, init_stddev=0.01, **LARGE), 0.172, 0.141),
    (tuned(512, 3, init_stddev=0.01, **LARGE), 0.178, 0.146),
    (tuned(1024, 3, init_stddev=0.01, **LARGE), 0.178, 0.146),
)
NCF = (
    tuned(64, 16, **weights(0.0305, 0.0413, 0.75, 0.37, 0.0)),
    tuned(192, 24, **weights(0.0592, 0.013, 1.0, 0.16, 0.0)),
)
UNSEEN = tuned(64, 12, cg_steps=1, **weights(0.0401, 0.0183, 0.64, 0.278, 0.267))  # 30 trials
UNSEEN_IRSPACK = {"n_components": 64, "alpha0": 0.92, "reg": 0.00318, "train_epochs": 16}  # 30
NEXT_DAY = tuned(16, 4, half_life_days=0.0142, **weights(0.154, 0.00306, 1.0, 0.3, 0.0))  # 120
NEXT_DAY_POPULARITY_DAYS = 0.0045  # the best half life of 30
NEXT_DAY_IRSPACK = {"n_components": 32, "alpha0": 0.0083, "reg": 0.00224, "train_epochs": 6}  # 30
NCF_BAR = 0.722, 0.445  # HR@10, NDCG@10 of iALS at dim 64 in Rendle et al. (arXiv 2110.14037)


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("quality", as_json=options.json)
    jobs: dict[str, Callable[[Path], None]] = {
        "gowalla": lambda _: gowalla(report, options.quick),
        "ncf-ml-1m": lambda folder: ncf(report, folder, options.quick),
        "ml-1m": lambda folder: movielens(report, folder, draws=1 if options.quick else 5),
        "globo-clicks": lambda folder: globo(report, folder, options.quick),
    }
    for name, job in jobs.items():
        folder = data_folder(name)
        if folder is None:
            print(f"{name}: left out, its data is missing")
        else:
            job(folder)


def gowalla(report: Report, quick: bool) -> None:
    """LightGCN's split and metrics."""
    data = gowalla_or_generated()
    for params, *bars in GOWALLA[:2] if quick else GOWALLA:
        started = time.perf_counter()
        factors = train_wals(data.train, params, threads=THREADS, draw_users=True)
        seconds = time.perf_counter() - started
        found = ranked(factors.users, factors.items, data.train, data.test)
        for name, value, bar in zip(("recall@20", "ndcg@20"), found, bars, strict=True):
            report.row(
                f"gowalla, dim {params.dim}", name, "", value, peer="bar", peer_value=bar,
                smaller_is_better=False, quality=f"{shown(params)}; {seconds:.1f} s to train",
            )  # fmt: skip


def ncf(report: Report, folder: Path, quick: bool) -> None:
    """Sampled metrics, only to compare with the literature that uses them."""
    data = ncf_movielens(folder)
    for params in NCF[:1] if quick else NCF:
        factors = train_wals(data.train, params, threads=THREADS)  # draw_users off, as published
        users = factors.users[data.users]
        own = np.einsum("nd,nd->n", users, factors.items[data.items])
        others = np.einsum("nd,nkd->nk", users, factors.items[data.negatives])
        better = (others > own[:, None]) & (data.negatives != data.items[:, None])
        places = better.sum(axis=1)
        gains = np.where(places < 10, 1 / np.log2(places + 2), 0)
        found = {"hit rate@10": (places < 10).mean(), "ndcg@10": gains.mean()}
        for (name, value), bar in zip(found.items(), NCF_BAR, strict=True):
            report.row(
                f"ncf-ml-1m (sampled), dim {params.dim}", name, "", float(value),
                peer="tuned iALS, published", peer_value=bar, smaller_is_better=False,
                quality=shown(params),
            )  # fmt: skip


def movielens(report: Report, folder: Path, draws: int) -> None:
    """Users that training never saw, folded in; the same users, had training seen them."""
    events = movielens_1m(folder)
    found: dict[str, list[float]] = {"ours": [], "irspack": [], "seen": []}
    for draw in range(draws):
        data = unseen_users(events, seed=1 + draw)
        counts = np.bincount(data.train.columns, minlength=data.train.column_count)
        factors = train_wals(data.train, UNSEEN, threads=THREADS, draw_users=True)
        assert factors.user_center is not None
        center = factors.user_center[np.newaxis]
        folded = FoldIn(factors.items, counts, UNSEEN).solve(data.histories, THREADS, center)
        told = train_wals(data.train_and_histories, UNSEEN, threads=THREADS, draw_users=True)
        peer = peer_trained(data.train, UNSEEN_IRSPACK)
        peer_users = peer.compute_user_embedding(matrix_of(data.histories))
        for name, users, items in (
            ("ours", folded, factors.items),
            ("irspack", peer_users, peer.get_item_embedding()),
            ("seen", told.users[data.users], told.items),
        ):
            found[name].append(ranked(users, items, data.histories, data.wanted)[1])
    job, quality = f"ml-1m, unseen users, {draws} draws", shown(UNSEEN)
    means = {name: float(np.mean(values)) for name, values in found.items()}
    for peer_name, name in (("irspack, tuned", "irspack"), ("users seen in training", "seen")):
        report.row(
            job, "ndcg@20", "", means["ours"], peer=peer_name, peer_value=means[name],
            smaller_is_better=False, quality=quality,
        )  # fmt: skip


def globo(report: Report, folder: Path, quick: bool) -> None:
    """Known users on the day after training; what is new and what ages decides."""
    data = globo_next_day(folder, last_day=13, users_max=5_000 if quick else 20_000)
    learned = Wals().fit(
        TrainingData(data.events, data.train),
        NEXT_DAY,
        threads=THREADS,
        on_epoch=lambda epoch: None,
    )
    assert learned.user_vectors is not None
    assert learned.item_vectors is not None
    ours = ranked_next_day(learned.user_vectors[data.users], learned.item_vectors, data)
    half_life_ms = NEXT_DAY_POPULARITY_DAYS * 86_400_000
    scores = decayed_popularity(data.events, data.train.column_count, half_life_ms)
    everybody = np.ones((len(data.users), 1), np.float32)
    popular = ranked_next_day(everybody, scores[:, None], data)
    peer = peer_trained(data.train, NEXT_DAY_IRSPACK)
    by_peer = ranked_next_day(
        peer.get_user_embedding()[data.users], peer.get_item_embedding(), data
    )
    for peer_name, others in (("time-decayed popularity", popular), ("irspack, tuned", by_peer)):
        for metric, value, theirs in zip(("recall@20", "ndcg@20"), ours, others, strict=True):
            report.row(
                "globo-clicks, the next day", metric, "", value, peer=peer_name,
                peer_value=theirs, smaller_is_better=False, quality=shown(NEXT_DAY),
            )  # fmt: skip


def ranked_next_day(
    users: npt.NDArray[np.floating], items: npt.NDArray[np.floating], data: NextDay
) -> tuple[float, float]:
    """Return recall and NDCG at 20 over the articles that were clicked in training."""
    clicked = np.bincount(data.train.columns, minlength=data.train.column_count) > 0
    return ranked(users, items, data.had, data.wanted, pack_bitmap(clicked))


def ranked(
    users: npt.NDArray[np.floating],
    items: npt.NDArray[np.floating],
    had: Interactions,
    wanted: Interactions,
    eligible: Bitmap | None = None,
) -> tuple[float, float]:
    """Return recall and NDCG at 20 over all (eligible) items but those that each user had."""
    queries, vectors = (np.ascontiguousarray(side, np.float32) for side in (users, items))
    top = ItemScan(vectors).top(queries, 20, eligible=eligible, excluded=had, threads=THREADS)
    found = evaluate_ranking(top, wanted, (20,))
    return found.mean("recall", 20), found.mean("ndcg", 20)


def peer_trained(train: Interactions, settings: dict[str, float]) -> IALSRecommender:
    """Return irspack's iALS by conjugate gradient, trained."""
    peer = IALSRecommender(matrix_of(train), n_threads=THREADS, solver_type="CG", **settings)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        peer.learn()  # draws a bar
    return peer


def matrix_of(rows: Interactions) -> csr_matrix:
    """Return interactions as SciPy has them, every value 1."""
    ones = np.ones(rows.entry_count)
    shape = rows.row_count, rows.column_count
    return csr_matrix((ones, rows.columns, rows.row_starts), shape=shape)


def shown(params: WalsParams) -> str:
    """Return the settings in short."""
    found = (
        f"epochs {params.epochs}, w0 {params.w0:g}, regularization {params.regularization:g}, "
        f"nu {params.regularization_exponent:g}, p {params.user_frequency_exponent:g}, "
        f"q {params.item_frequency_exponent:g}"
    )
    half_life = params.half_life_days
    return found if half_life is None else f"{found}, half life {half_life:g} d"


if __name__ == "__main__":
    main()
