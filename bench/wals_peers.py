"""implicit and irspack, told to minimise our objective (bench/wals.py says how)."""

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from shortlist.core.data.interactions import Interactions
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import WalsFactors, wals_loss

THREADS = 2
W0, REGULARIZATION = 0.03, 0.3


@dataclass(frozen=True, slots=True)
class Run:
    """One training: seconds and loss of each epoch."""

    seconds: list[float]
    losses: list[float]


Trainer: TypeAlias = Callable[[Interactions, int, int], Run]


def peers() -> dict[str, Trainer]:
    """Return the installed peers' trainers."""
    trainers: dict[str, Trainer] = {}
    if importlib.util.find_spec("implicit"):
        trainers["implicit CG(3)"] = train_implicit
    if importlib.util.find_spec("irspack"):
        trainers["irspack CG(3)"] = train_irspack
    return trainers


def subspace_peers() -> dict[str, Trainer]:
    """Return the trainers that are made for large dims."""
    if not importlib.util.find_spec("irspack"):
        return {}
    return {"irspack iALS++": partial(train_irspack, solver="IALSPP")}


def loss_of(train: Interactions, users: np.ndarray, items: np.ndarray) -> float:
    factors = WalsFactors(np.ascontiguousarray(users), np.ascontiguousarray(items))
    params = WalsParams(
        dim=users.shape[1], unobserved_weight=W0, regularization=REGULARIZATION,
        regularization_exponent=0.0,
    )  # fmt: skip
    return wals_loss(train, factors, params, threads=THREADS)


def train_implicit(train: Interactions, dim: int, epochs: int) -> Run:
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    seconds: list[float] = []
    losses: list[float] = []
    model = AlternatingLeastSquares(
        factors=dim, regularization=REGULARIZATION / W0, alpha=1 / W0, iterations=epochs,
        num_threads=THREADS, use_gpu=False, random_state=1,
    )  # fmt: skip

    def note(_iteration: int, elapsed: float, *_: object) -> None:
        seconds.append(elapsed)
        losses.append(loss_of(train, model.user_factors, model.item_factors))

    with threadpool_limits(
        1, "blas"
    ):  # as implicit itself advises: else it takes many times as long
        model.fit(_scipy(train), show_progress=False, callback=note)
    return Run(seconds, losses)


def train_irspack(train: Interactions, dim: int, epochs: int, solver: str = "CG") -> Run:
    from irspack.recommenders import IALSRecommender

    model = IALSRecommender(
        _scipy(train), n_components=dim, alpha0=W0 / (1 - W0), reg=REGULARIZATION, nu=0.0,
        solver_type=solver, max_cg_steps=3, loss_type="IALSPP", n_threads=THREADS,
        train_epochs=epochs,
    )  # fmt: skip
    model.start_learning()
    seconds: list[float] = []
    losses: list[float] = []
    scale = np.float32(np.sqrt(1 / (1 - W0)))
    for _ in range(epochs):
        started = time.perf_counter()
        model.run_epoch()
        seconds.append(time.perf_counter() - started)
        trainer = model.trainer.core_trainer
        losses.append(loss_of(train, trainer.user * scale, trainer.item * scale))
    return Run(seconds, losses)


def _scipy(train: Interactions) -> object:
    from scipy import sparse

    ones = np.ones(train.entry_count, np.float32)
    shape = train.row_count, train.column_count
    return sparse.csr_matrix((ones, train.columns, train.row_starts), shape=shape)
