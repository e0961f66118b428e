"""Negative sampling beside numpy's best vectorised rejection, at Gowalla's density."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from bench.gowalla import gowalla_or_generated
from bench.report import Report, arguments, median_seconds
from shortlist.core.data.interactions import IntArray, Interactions
from shortlist.core.sgd.negatives import NegativeSampler

THREADS = 2
COUNT = 64  # samples a user


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("sampling", as_json=options.json)
    data = gowalla_or_generated()
    popularity = np.bincount(data.train.columns, minlength=data.train.column_count)
    users = np.arange(data.train.row_count, dtype=np.int32)
    users = users[:5_000] if options.quick else users
    for name, weights in (("uniform", None), ("popularity^0.75", popularity)):
        sampler = NegativeSampler(data.train.column_count, weights)
        ours = rate(partial(accepted, sampler, data.train, users))
        peer = rate(partial(numpy_rejection, data.train, users, weights))
        drawn = sampler.sample(data.train, users, COUNT, seed=1, threads=THREADS)
        report.row(
            f"{data.name} {name} count={COUNT}", "accepted samples", "1/s", ours,
            peer="numpy rejection", peer_value=peer, smaller_is_better=False,
            quality=f"{positives_among(data.train, users, drawn.items)} positives, "
            f"{drawn.misses} misses, {THREADS} threads",
        )  # fmt: skip


def accepted(sampler: NegativeSampler, positives: Interactions, users: IntArray) -> int:
    drawn = sampler.sample(
        positives, users, COUNT, seed=int(time.time_ns() % 2**32), threads=THREADS
    )
    return int(drawn.counts.sum())


def numpy_rejection(positives: Interactions, users: IntArray, weights: np.ndarray | None) -> int:
    """Draw all at once, look all up in one sorted array of pairs, draw again what hit."""
    rng = np.random.default_rng()
    width = positives.column_count
    rows = np.repeat(np.arange(positives.row_count), np.diff(positives.row_starts))
    keys = rows * width + positives.columns  # ascending, since rows and columns are
    items = np.empty((len(users), COUNT), np.int64)
    cumulated = None if weights is None else np.cumsum(weights**0.75)
    left = np.arange(items.size)
    while len(left):
        if cumulated is None:
            drawn = rng.integers(width, size=len(left))
        else:
            drawn = np.searchsorted(cumulated, rng.random(len(left)) * cumulated[-1], side="right")
        items.ravel()[left] = drawn
        wanted = users[left // COUNT] * width + drawn
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        left = left[keys[places] == wanted]
    return items.size


def positives_among(positives: Interactions, users: IntArray, items: IntArray) -> int:
    return sum(
        int(np.isin(row, positives.row(int(user))[0]).sum())
        for user, row in zip(users[:2000], items[:2000], strict=True)
    )


def rate(work: Callable[[], int]) -> float:
    """Return samples a second, median of several calls."""
    samples = work()
    return samples / median_seconds(work)


if __name__ == "__main__":
    main()
