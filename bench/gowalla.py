"""The Gowalla check-ins that benchmarks share, or a generated set of their shape."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.report import data_folder
from shortlist.core.data.interactions import Events, Interactions, build_interactions
from shortlist.core.metrics.bootstrap import DoubleArray

USERS, ITEMS, PAIRS = 29_858, 40_981, 810_128


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Train (train + valid) and test pairs."""

    name: str
    train: Interactions
    test: Interactions


def gowalla_or_generated() -> Benchmark:
    """Read the split that the open benchmarks use, or generate one; `name` says which."""
    folder = data_folder("gowalla")
    if folder is None:
        return Benchmark("generated", generated(PAIRS, seed=1), generated(PAIRS // 4, seed=2))
    return Benchmark(
        "gowalla",
        _read([folder / "train.txt", folder / "valid.txt"]),
        _read([folder / "test.txt"]),
    )


def list_ends() -> Benchmark | None:
    """Hold out the last fifth of each training list: what to choose settings for the test part by.

    The test part goes on where the training lists end; valid.txt is a random tenth of them, and
    orders models otherwise (docs/algorithms/sgd.md). None: no data.
    """
    folder = data_folder("gowalla")
    if folder is None:
        return None
    lines = [line.split() for line in (folder / "train.txt").read_text().splitlines()]
    parts: tuple[list[list[str]], list[list[str]]] = ([], [])
    for user, *items in lines:
        held_out = max(1, round(len(items) / 5))
        parts[0].append([user, *items[:-held_out]])
        parts[1].append([user, *items[-held_out:]])
    return Benchmark("gowalla, ends of lists", *(_pairs(part) for part in parts))


def generated(pair_count: int, *, seed: int) -> Interactions:
    """Return pairs with the same counts and a power law of items and users."""
    rng = np.random.default_rng(seed)
    users = rng.choice(USERS, pair_count, p=_power_law(USERS)).astype(np.int32)
    items = rng.choice(ITEMS, pair_count, p=_power_law(ITEMS)).astype(np.int32)
    return _matrix(users, items)


def _power_law(count: int) -> DoubleArray:
    weights: DoubleArray = 1.0 / np.arange(10, count + 10, dtype=np.float64) ** 0.7
    return weights / float(weights.sum())


def _read(paths: list[Path]) -> Interactions:
    return _pairs([line.split() for path in paths for line in path.read_text().splitlines()])


def _pairs(lines: list[list[str]]) -> Interactions:
    users = np.repeat([int(line[0]) for line in lines], [len(line) - 1 for line in lines])
    items = np.array([item for line in lines for item in line[1:]], np.int32)
    return _matrix(users.astype(np.int32), items)


def _matrix(users: np.ndarray, items: np.ndarray) -> Interactions:
    events = Events(users, items, np.ones(len(users), np.float32))
    return build_interactions(events, USERS, ITEMS, aggregate="max")
