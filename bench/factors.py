"""The item and user vectors that the benchmarks of retrieval search: WALS on Gowalla, and more."""

import tempfile
from pathlib import Path

import numpy as np

from bench.report import data_folder
from shortlist.core.data.interactions import Events, FloatArray, build_interactions
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals

CACHE = Path(tempfile.gettempdir()) / "shortlist-bench"


def factors(dim: int) -> tuple[FloatArray, FloatArray]:
    """Return (items, users): WALS on Gowalla where it is, else random vectors of uneven length."""
    cached = CACHE / f"gowalla-{dim}.npz"
    if cached.exists():
        with np.load(cached) as arrays:
            return arrays["items"], arrays["users"]
    folder = data_folder("gowalla")
    if folder is None:
        rng = np.random.default_rng(0)
        lengths = rng.gamma(2, 1, (41_000, 1))
        vectors = (rng.standard_normal((41_000, dim)) * lengths).astype(np.float32)
        return vectors, vectors[::10].copy()
    lines = (folder / "train.txt").read_text().splitlines()
    rows = [np.array(line.split(), np.int32) for line in lines if line.strip()]
    users = np.concatenate([np.full(len(row) - 1, row[0], np.int32) for row in rows])
    visited = np.concatenate([row[1:] for row in rows])
    events = Events(users, visited, np.ones(len(users), np.float32))
    interactions = build_interactions(events, int(users.max()) + 1, int(visited.max()) + 1)
    trained = train_wals(interactions, WalsParams(dim=dim, epochs=8))
    CACHE.mkdir(exist_ok=True)
    np.savez(cached, items=trained.items, users=trained.users)
    return trained.items, trained.users


def grown(items: FloatArray, count: int) -> FloatArray:
    """Return `count` synthetic items: real ones drawn at random, noise of a third their spread."""
    rng = np.random.default_rng(1)
    drawn = items[rng.integers(0, len(items), count)]
    noise = rng.standard_normal(drawn.shape, dtype=np.float32) * (items.std(axis=0) / 3)
    return np.ascontiguousarray(drawn + noise)


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean share of the true rows that were found."""
    shares = [len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]
    return float(np.mean(shares))
