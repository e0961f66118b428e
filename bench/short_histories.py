"""Users whom training never saw, after their first events: drawn to the mean user, or to 0.

A tenth of the users is held out entirely. NDCG@20 of all their other items after 1, 3 and 10 events
in random order, and of the last fifth after the others. The peer is the same model folding in from
0 (`draw_users` off), as implicit and irspack do.
"""

from itertools import takewhile

import numpy as np

from bench.divided import divided, pairs_of
from bench.ranked import mean_of
from bench.report import Report, arguments
from bench.wals_data import datasets
from shortlist.core.data.interactions import Interactions, column_counts, select_rows
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams, with_data_defaults
from shortlist.core.wals.wals import train_wals

THREADS, CUTOFF, SEED, USERS_MAX = 2, 20, 1, 10_000
PARAMS = WalsParams(dim=64, epochs=10)


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("short_histories", as_json=options.json)
    real = takewhile(lambda found: found[0] != "synthetic-20m", datasets(options.quick))
    for name, interactions in real:
        rng = np.random.default_rng(SEED)
        order = rng.permutation(interactions.row_count).astype(np.int32)
        cold = min(len(order) // 10, USERS_MAX)
        train = select_rows(interactions, np.sort(order[cold:]))
        compare(report, name, train, select_rows(interactions, np.sort(order[:cold])))


def compare(report: Report, name: str, train: Interactions, unseen: Interactions) -> None:
    """Fold histories of unseen users in, both ways."""
    params = with_data_defaults(PARAMS, train)
    factors = train_wals(train, params, threads=THREADS, draw_users=True)
    assert factors.user_center is not None
    fold_in = FoldIn(factors.items, column_counts(train), params)
    rng = np.random.default_rng(SEED)
    order = rng.random(unseen.entry_count)
    of_row = np.repeat(np.arange(unseen.row_count), np.diff(unseen.row_starts))
    most = rng.random(unseen.entry_count) < 0.8
    histories = {f"after {count}": divided(unseen, order, count) for count in (1, 3, 10)}
    histories["after 80 %"] = pairs_of(unseen, of_row, most), pairs_of(unseen, of_row, ~most)
    for history, (had, wanted) in histories.items():
        drawn, plain = (
            mean_of("ndcg", CUTOFF, fold_in.solve(had, THREADS, prior), factors.items, wanted, had)
            for prior in (factors.user_center[np.newaxis], None)
        )
        report.row(
            f"{name}, {history}", "NDCG@20", "share", drawn, peer="from 0", peer_value=plain,
            smaller_is_better=False, quality=f"{unseen.row_count:,} users",
        )  # fmt: skip


if __name__ == "__main__":
    main()
