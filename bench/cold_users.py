"""Users who have done nothing yet, placed by their features: a tenth of ml-1m's held out entirely.

NDCG@10 of all they will watch, before any event and after their first ones, in random order. Peers
in the same run: popularity, popularity by segment (gender and age), and WALS without features, the
same events folded in from the mean user, as it is served, and from 0. Then that the other users
lose nothing: a tenth of their events is held out.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from bench.divided import divided
from bench.ranked import mean_of
from bench.report import Report, arguments, data_folder, median_seconds
from shortlist.core.counts.segments import SegmentScores, segment_popularity
from shortlist.core.data.interactions import (
    Events,
    FloatArray,
    Interactions,
    build_interactions,
    column_counts,
)
from shortlist.core.linear.sparse import multiply
from shortlist.core.wals.cold_rows import train_with_features
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.server.features.features import encode_features, find_features

THREADS, CUTOFF, SEED = 2, 10, 1
COLUMNS = ("gender", "age", "occupation")
PARAMS = WalsParams(dim=64, epochs=10)


@dataclass(frozen=True, slots=True)
class Problem:
    """Three kinds of pairs, users x items."""

    people: pa.Table
    cold: np.ndarray  # (users,) held out entirely
    train: Interactions
    warm_test: Interactions
    cold_test: Interactions


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("cold_users", as_json=options.json)
    problem = read_problem()
    features = encode_features(find_features(problem.people, COLUMNS), problem.people)
    params, ours = train_with_features(
        problem.train, PARAMS, user_features=features, threads=THREADS
    )
    plain_params, plain = train_with_features(
        problem.train, PARAMS, draw_users=True, threads=THREADS
    )
    test = problem.cold_test
    own_ndcg = ndcg(ours.users, ours.items, test, None)
    for name, value in baselines(problem).items():
        report.row(
            "no event yet", "NDCG@10", "share", own_ndcg,
            peer=name, peer_value=value, smaller_is_better=False,
            quality=f"{features.column_count} features",
        )  # fmt: skip
    counts = column_counts(problem.train)
    fold_in, plain_fold_in = (
        FoldIn(ours.items, counts, params),
        FoldIn(plain.items, counts, plain_params),
    )
    weights = ours.user_feature_weights
    assert weights is not None
    assert plain.user_center is not None
    mean = plain.user_center[np.newaxis]
    centers = multiply(features, weights)
    order = np.random.default_rng(SEED).random(test.entry_count)
    for count in (1, 10) if options.quick else (1, 3, 10, 30, 100):
        first, rest = divided(test, order, count)
        own_ndcg = ndcg(fold_in.solve(first, THREADS, centers), ours.items, rest, first)
        for name, prior in (("from the mean user", mean), ("from 0", None)):
            vectors = plain_fold_in.solve(first, THREADS, prior)
            report.row(
                f"folded in over {count} films", "NDCG@10", "share", own_ndcg,
                peer=f"no features, {name}",
                peer_value=ndcg(vectors, plain.items, rest, first), smaller_is_better=False,
                quality=f"features alone {ndcg(centers, ours.items, rest, first):.4f}",
            )  # fmt: skip
    report.row(
        "users with events", "NDCG@10", "share",
        ndcg(ours.users, ours.items, problem.warm_test, problem.train),
        peer="no features",
        peer_value=ndcg(plain.users, plain.items, problem.warm_test, problem.train),
        smaller_is_better=False,
    )  # fmt: skip
    repeat = 1 if options.quick else 5
    seconds = [
        median_seconds(
            partial(
                train_with_features, problem.train, PARAMS, user_features=told, threads=THREADS
            ),
            repeat=repeat,
        )
        for told in (features, None)
    ]
    name = f"{PARAMS.epochs} epochs"
    report.row("training", name, "s", seconds[0], peer="no features", peer_value=seconds[1])


def baselines(problem: Problem) -> dict[str, float]:
    """Return what is reached by what is popular: with everybody, and in each gender and age."""
    train, test = problem.train, problem.cold_test
    known = column_counts(train).astype(np.float32)
    ones = np.ones((train.row_count, 1), np.float32)
    keys = [f"{g} {a}" for g, a in zip(*problem.people.select(["gender", "age"]), strict=True)]
    _, segments = np.unique(keys, return_inverse=True)
    count = int(segments.max()) + 1
    starts = np.arange(train.row_count + 1, dtype=np.int64)
    of_users = Interactions(starts, segments.astype(np.int32), ones[:, 0], count)
    rows = np.repeat(np.arange(train.row_count), np.diff(train.row_starts))
    popular = segment_popularity(rows, train.columns, train.values, of_users, len(known))
    scores = SegmentScores(popular, known)
    by_segment = np.stack([scores.of(segment) for segment in range(count)], axis=1)
    choice = np.eye(count, dtype=np.float32)[segments]
    return {
        "popularity": ndcg(ones, known[:, np.newaxis], test, None),
        "popularity by gender and age": ndcg(choice, by_segment, test, None),
    }


def ndcg(
    users: FloatArray, items: FloatArray, test: Interactions, had: Interactions | None
) -> float:
    """Return NDCG@10 over the users with something to find; what they had is not asked for."""
    return mean_of("ndcg", CUTOFF, users, items, test, had)


def read_problem() -> Problem:
    """Read ml-1m and hold out a tenth of its users, and of the other users' events."""
    folder = data_folder("ml-1m")
    if folder is None:
        raise SystemExit("cold_users needs ml-1m in SHORTLIST_DATA: features cannot be made up")
    lines = (folder / "users.dat").read_text("latin-1").splitlines()
    people = [line.split("::") for line in lines]
    table = pa.table(
        {
            "gender": [gender for _, gender, *_ in people],
            "age": [int(age) for _, _, age, *_ in people],
            "occupation": [int(occupation) for _, _, _, occupation, _ in people],
        }
    )
    pairs = np.loadtxt(folder / "ratings_no_timestamp.tsv", np.int64, usecols=(0, 1))
    users, (films, items) = pairs[:, 0] - 1, np.unique(pairs[:, 1], return_inverse=True)
    rng = np.random.default_rng(SEED)
    cold = np.zeros(len(people), np.bool_)
    cold[rng.choice(len(people), len(people) // 10, replace=False)] = True
    held_out = rng.random(len(items)) < 0.1

    def matrix(kept: np.ndarray) -> Interactions:
        rows, columns = (part[kept].astype(np.int32) for part in (users, items))
        events = Events(rows, columns, np.ones(len(rows), np.float32))
        return build_interactions(events, len(people), len(films), "max")

    of_cold = cold[users]
    parts = (~of_cold & ~held_out, ~of_cold & held_out, of_cold)
    return Problem(table, cold, *(matrix(kept) for kept in parts))


if __name__ == "__main__":
    main()
