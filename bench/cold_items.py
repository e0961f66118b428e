"""Items that nobody has yet, placed by their features: a tenth of ml-1m's films held out entirely.

Recall@50 of the held-out films, for each user who has some: among themselves and in the whole
catalog. Peers in the same run: popularity (knows nothing of them: their ids decide), chance, a
profile of features (cosine with the mean of what the user has), and plain WALS with a ridge
regression of its vectors on the features afterwards. Then how the films move as clicks come, and
that the others lose nothing: a tenth of their events is held out too.
"""

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from bench.divided import divided, joined, pairs_of
from bench.ranked import mean_of
from bench.report import Report, arguments, data_folder, median_seconds
from shortlist.core.data.bitmaps import pack_bitmap
from shortlist.core.data.interactions import (
    Events,
    FloatArray,
    Interactions,
    build_interactions,
    select_rows,
    transposed,
)
from shortlist.core.linear.sparse import multiply
from shortlist.core.wals.cold_rows import train_with_features
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams, for_items
from shortlist.core.wals.wals import WalsFactors, train_wals
from shortlist.server.features.features import encode_features, find_features

THREADS, CUTOFF, SEED = 2, 50, 1
COLUMNS = ("genres", "year", "title")
PARAMS = WalsParams(dim=64, epochs=10)


@dataclass(frozen=True, slots=True)
class Problem:
    """Three kinds of pairs, users x items."""

    films: pa.Table
    cold: np.ndarray  # (items,) held out entirely
    train: Interactions
    warm_test: Interactions
    cold_test: Interactions


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("cold_items", as_json=options.json)
    problem = read_problem()
    features = encode_features(find_features(problem.films, COLUMNS), problem.films)
    params, ours = train_with_features(
        problem.train, PARAMS, item_features=features, threads=THREADS
    )
    plain = train_wals(problem.train, PARAMS, threads=THREADS)
    compare_cold(report, problem, ours, plain, features)
    compare_clicks(report, problem, ours, params, (1, 10) if options.quick else (1, 3, 10, 30, 100))
    warm = [
        recall(problem, f.users, f.items, problem.warm_test, ~problem.cold) for f in (ours, plain)
    ]
    report.row(
        "films with events", "Recall@50", "share", warm[0],
        peer="plain WALS", peer_value=warm[1], smaller_is_better=False,
        quality=f"{features.column_count} features",
    )  # fmt: skip
    compare_training(report, problem, ours, params, features)
    compare_seconds(report, problem, features, repeat=1 if options.quick else 5)


def compare_training(
    report: Report,
    problem: Problem,
    ours: WalsFactors,
    params: WalsParams,
    features: Interactions,
) -> None:
    """Fold the held-out films in over four fifths of their pairs; the peer trains on those too.

    All users had their time with the films, so the exposure is whole.
    """
    of_cold = problem.cold_test
    rows = np.repeat(np.arange(of_cold.row_count), np.diff(of_cold.row_starts))
    given = np.random.default_rng(SEED).random(len(rows)) < 0.8
    history, test = pairs_of(of_cold, rows, given), pairs_of(of_cold, rows, ~given)
    fold_in = FoldIn(ours.users, np.diff(problem.train.row_starts), for_items(params))
    items = ours.items.copy()
    by_film = transposed(history)
    items[problem.cold] = fold_in.solve(by_film, THREADS, items)[problem.cold]
    both = joined(problem.train, history)
    _, trained = train_with_features(both, params, item_features=features, threads=THREADS)
    found = [
        recall(replace(problem, train=both), *vectors, test, problem.cold)
        for vectors in ((ours.users, items), (trained.users, trained.items))
    ]
    report.row(
        "folded in over 80 % of their users", "Recall@50", "share", found[0],
        peer="trained with them", peer_value=found[1], smaller_is_better=False,
        quality="among themselves",
    )  # fmt: skip


def compare_seconds(report: Report, problem: Problem, features: Interactions, repeat: int) -> None:
    """Time whole trainings."""
    ours = median_seconds(
        lambda: train_with_features(problem.train, PARAMS, item_features=features, threads=THREADS),
        repeat=repeat,
    )
    plain = median_seconds(
        lambda: train_wals(problem.train, PARAMS, threads=THREADS), repeat=repeat
    )
    name = f"{PARAMS.epochs} epochs"
    report.row("training", name, "s", ours, peer="plain WALS", peer_value=plain)


def compare_cold(
    report: Report, problem: Problem, ours: WalsFactors, plain: WalsFactors, features: Interactions
) -> None:
    """Rank the held-out films among themselves, and in the whole catalog."""
    ones = np.ones((len(ours.users), 1), np.float32)
    counts = np.bincount(problem.train.columns, minlength=len(problem.cold))
    known = counts.astype(np.float32)[:, np.newaxis]
    theirs = known + np.bincount(problem.cold_test.columns, minlength=len(counts))[:, np.newaxis]
    methods = {
        "popularity": (ones, known),
        "profile of features": profiles(problem.train, features),
        "plain WALS, then ridge": (plain.users, ridge(plain.items, features, problem.cold)),
        "popularity they will have": (ones, theirs.astype(np.float32)),
    }
    for place, eligible in (("among themselves", problem.cold), ("in the whole catalog", None)):
        found = recall(problem, ours.users, ours.items, problem.cold_test, eligible)
        chance = CUTOFF / (len(problem.cold) if eligible is None else problem.cold.sum())
        peers = {"chance": chance}
        for name, (users, items) in methods.items():
            peers[name] = recall(problem, users, items, problem.cold_test, eligible)
        for name, value in peers.items():
            if value:  # popularity finds none in the whole catalog
                report.row(
                    f"held-out films {place}", "Recall@50", "share", found,
                    peer=name, peer_value=value, smaller_is_better=False,
                )  # fmt: skip


def compare_clicks(
    report: Report, problem: Problem, ours: WalsFactors, params: WalsParams, clicks: tuple[int, ...]
) -> None:
    """Fold the held-out films in over their first users, from their features and from 0."""
    by_film = transposed(problem.cold_test)
    user_counts = np.diff(problem.train.row_starts)
    fold_in = FoldIn(ours.users, user_counts, for_items(params))
    rng = np.random.default_rng(SEED)
    order = rng.random(by_film.entry_count)
    for count in clicks:
        first, rest = divided(by_film, order, count)
        test = transposed(rest)
        exposure = fold_in.exposure(first, ours.items)
        values = {}
        for name, how in (
            ("ours", (ours.items, exposure)),
            ("folded in from 0", (None, None)),
        ):
            items = ours.items.copy()
            items[problem.cold] = fold_in.solve(first, THREADS, *how)[problem.cold]
            values[name] = recall(problem, ours.users, items, test, problem.cold)
        stays = recall(problem, ours.users, ours.items, test, problem.cold)
        report.row(
            f"folded in over {count} users", "Recall@50", "share", values["ours"],
            peer="folded in from 0", peer_value=values["folded in from 0"],
            smaller_is_better=False, quality=f"features alone {stays:.4f}",
        )  # fmt: skip
    one = select_rows(first, np.flatnonzero(problem.cold)[:1].astype(np.int32))
    place, share = ours.items[problem.cold][:1], exposure[problem.cold][:1]
    spent = median_seconds(lambda: fold_in.solve(one, 1, place, share), repeat=50)
    report.row(f"one film over {one.entry_count} users", "fold-in", "us", spent * 1e6)


def recall(
    problem: Problem,
    users: FloatArray,
    items: FloatArray,
    test: Interactions,
    eligible: np.ndarray | None = None,
) -> float:
    """Return Recall@50 over the users with something to find; what they have is not asked for."""
    allowed = None if eligible is None else pack_bitmap(eligible)
    return mean_of("recall", CUTOFF, users, items, test, problem.train, allowed)


def profiles(train: Interactions, features: Interactions) -> tuple[FloatArray, FloatArray]:
    """Return the mean features of each user's films, and the films' own, of length 1."""
    films = multiply(features, np.eye(features.column_count, dtype=np.float32)[:, 1:].copy())
    films /= np.maximum(np.linalg.norm(films, axis=1, keepdims=True), 1e-9)
    return multiply(train, films), films


def ridge(items: FloatArray, features: Interactions, cold: np.ndarray) -> FloatArray:
    """Return the vectors, those of the held-out films by a regression of the others'."""
    x = multiply(features, np.eye(features.column_count, dtype=np.float32)).astype(np.float64)
    system = x[~cold].T @ x[~cold] + PARAMS.feature_regularization * np.eye(x.shape[1])
    weights = np.linalg.solve(system, x[~cold].T @ items[~cold])
    placed = items.copy()
    placed[cold] = x[cold] @ weights
    return placed


def read_problem() -> Problem:
    """Read ml-1m and hold out a tenth of its films, and of the other films' events."""
    folder = data_folder("ml-1m")
    if folder is None:
        raise SystemExit("cold_items needs ml-1m in SHORTLIST_DATA: features cannot be made up")
    films = [line.split("::") for line in (folder / "movies.dat").read_text("latin-1").splitlines()]
    dated = [re.fullmatch(r"(.*?)\s*\((\d{4})\)\s*", title) for _, title, _ in films]
    assert all(dated)
    table = pa.table(
        {
            "title": [found[1] for found in dated if found],
            "year": [int(found[2]) for found in dated if found],
            "genres": [genres for _, _, genres in films],
        }
    )
    pairs = np.loadtxt(folder / "ratings_no_timestamp.tsv", np.int64, usecols=(0, 1))
    ids = np.array([int(film[0]) for film in films])
    users, items = pairs[:, 0] - 1, np.searchsorted(ids, pairs[:, 1])
    rng = np.random.default_rng(SEED)
    seen = np.unique(items)
    cold = np.zeros(len(films), np.bool_)
    cold[rng.choice(seen, len(seen) // 10, replace=False)] = True
    held_out = rng.random(len(items)) < 0.1

    def matrix(kept: np.ndarray) -> Interactions:
        rows, columns = (part[kept].astype(np.int32) for part in (users, items))
        events = Events(rows, columns, np.ones(len(rows), np.float32))
        return build_interactions(events, int(users.max()) + 1, len(films), "max")

    of_cold = cold[items]
    parts = (~of_cold & ~held_out, ~of_cold & held_out, of_cold)
    return Problem(table, cold, *(matrix(kept) for kept in parts))


if __name__ == "__main__":
    main()
