"""Folding: what the loss does not ask for, nothing holds apart; and how many passes each way takes.

A generated world of three tastes, where every user has a tenth of the items of one. Quality is the
share of the user's own taste among the best ten new items; a third is chance. First vectors have
ordinary length: very short ones grow the strongest directions first, which hides the fold.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from bench.report import Report, arguments
from shortlist.core.data.interactions import Events, FloatArray, Interactions, build_interactions
from shortlist.core.progress import Epoch
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.sgd.params import SgdParams
from shortlist.core.sgd.sgd import SgdFactors, train_sgd
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import WalsFactors, train_wals

USERS, ITEMS, TASTES, LIKED = 1_000, 900, 3, 30
APART = 0.95  # a share of the own taste that counts as learned
Now: TypeAlias = Callable[[], WalsFactors | SgdFactors]
ALONE = SgdParams("squared", dim=16, epochs=40, negative_count=0, init_stddev=3.0)
WAYS: dict[str, WalsParams | SgdParams] = {
    "WALS": WalsParams(dim=16, epochs=5, unobserved_weight=0.1, init_stddev=3.0),
    "squared, liked pairs alone": ALONE,
    "squared, 64 negatives": replace(ALONE, negative_count=64, negative_weight=4.0),
    "squared, gravity 0.1": replace(ALONE, gravity=0.1),
    "softmax, 64 negatives": SgdParams(dim=16, epochs=40, negative_count=64),
}


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("folding", as_json=options.json)
    data = world()
    peer: tuple[str, float] = ("", float("nan"))
    for name, params in WAYS.items():
        shares: list[float] = []
        started = time.perf_counter()

        def tell(_: Epoch, now: Now, shares: list[float] = shares) -> None:
            factors = now()
            shares.append(own_share(factors.users, factors.items, data))

        if isinstance(params, WalsParams):
            train_wals(data, params, threads=2, on_epoch=tell)
        else:
            train_sgd(data, params, threads=2, on_epoch=tell)
        seconds = time.perf_counter() - started
        report.row(
            name, "own taste", "share", shares[-1],
            peer=peer[0], peer_value=peer[1], smaller_is_better=False,
            quality=f"apart {passes(shares)}; {len(shares)} passes in {seconds:.1f} s",
        )  # fmt: skip
        if not peer[0]:
            peer = (name, shares[-1])


def passes(shares: list[float]) -> str:
    """Say after how many passes the tastes were apart."""
    for epoch, share in enumerate(shares, 1):
        if share >= APART:
            return f"after {epoch}"
    return "never"


def world() -> Interactions:
    """Return users and items that like each other where their rows agree modulo TASTES."""
    rng = np.random.default_rng(1)
    users = np.repeat(np.arange(USERS), LIKED)
    items = rng.integers(ITEMS // TASTES, size=len(users)) * TASTES + users % TASTES
    ones = np.ones(len(users), np.float32)
    events = Events(users.astype(np.int32), items.astype(np.int32), ones)
    return build_interactions(events, USERS, ITEMS, "max")


def own_share(users: FloatArray, items: FloatArray, data: Interactions) -> float:
    best = ItemScan(np.ascontiguousarray(items)).top(users, 10, excluded=data, threads=2)
    return float((best.rows % TASTES == (np.arange(len(users)) % TASTES)[:, None]).mean())


if __name__ == "__main__":
    main()
