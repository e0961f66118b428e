"""WALS training beside implicit and irspack: seconds an epoch, and loss, of one objective.

The objective is ours (ARCHITECTURE.md) with plain L2 (nu = 0), targets 1 and weights 1, which both
peers can be told to minimise: implicit by alpha = 1 / w0 and regularization / w0, irspack by alpha0
= w0 / (1 - w0), its vectors then being scaled by sqrt(1 - w0). Every loss is ours, computed in
float64 from the factors. `time to loss`: seconds until our loss is below what the peer ends at.
"""

import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.gowalla import gowalla_or_generated
from bench.report import Report, arguments
from shortlist.core.interactions import Interactions
from shortlist.core.wals import WalsFactors, train_wals, wals_loss
from shortlist.core.wals_params import WalsParams

THREADS = 2
W0, REGULARIZATION = 0.03, 0.3


@dataclass(frozen=True, slots=True)
class Run:
    """One training: seconds and loss of each epoch."""

    seconds: list[float]
    losses: list[float]

    def seconds_to(self, loss: float) -> float:
        """Return the time until the loss is reached; NaN when it never is."""
        for epoch, reached in enumerate(self.losses):
            if reached <= loss:
                return sum(self.seconds[: epoch + 1])
        return float("nan")


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("wals", as_json=options.json)
    data = gowalla_or_generated()
    dims, epochs = ((64,), 6) if options.quick else ((64, 128, 256), 12)
    for dim in dims:
        ours = train_ours(data.train, dim, epochs)
        for name, train in peers().items():
            peer = train(data.train, dim, epochs)
            compare(report, f"{data.name} dim={dim}", name, ours, peer)
        if not options.quick:
            exact = train_ours(data.train, dim, 2, solver="cholesky")
            report.row(
                f"{data.name} dim={dim} cholesky", "epoch", "s", statistics.median(exact.seconds),
                quality=f"loss {exact.losses[-1]:,.0f} after 2",
            )  # fmt: skip


def compare(report: Report, job: str, name: str, ours: Run, peer: Run) -> None:
    """Print time an epoch, and time to the loss that the peer ends at."""
    lower = all(a <= b for a, b in zip(ours.losses, peer.losses, strict=True))
    report.row(
        f"{job} epoch", "epoch", "s", statistics.median(ours.seconds[1:]),
        peer=name, peer_value=statistics.median(peer.seconds[1:]),
        quality=f"loss {ours.losses[-1]:,.0f} beside {peer.losses[-1]:,.0f} after "
        f"{len(peer.losses)}, {'never' if lower else 'sometimes'} higher",
    )  # fmt: skip
    report.row(
        f"{job} to loss", "time to loss", "s", ours.seconds_to(peer.losses[-1]),
        peer=name, peer_value=sum(peer.seconds), quality=f"loss {peer.losses[-1]:,.0f}",
    )  # fmt: skip


def train_ours(train: Interactions, dim: int, epochs: int, solver: str = "auto") -> Run:
    seconds: list[float] = []
    params = WalsParams(
        dim=dim, epochs=epochs, unobserved_weight=W0, regularization=REGULARIZATION,
        regularization_exponent=0.0, solver=solver,  # type: ignore[arg-type]
    )  # fmt: skip
    factors = train_wals(
        train, params, threads=THREADS, on_epoch=lambda epoch, _: seconds.append(epoch.seconds)
    )
    return Run(seconds, list(factors.losses))


def peers() -> dict[str, Callable[[Interactions, int, int], Run]]:
    """Return the installed peers' trainers."""
    found: dict[str, Callable[[Interactions, int, int], Run]] = {}
    if importlib.util.find_spec("implicit"):
        found["implicit CG(3)"] = train_implicit
    if importlib.util.find_spec("irspack"):
        found["irspack CG(3)"] = train_irspack
    return found


def loss_of(train: Interactions, users: np.ndarray, items: np.ndarray) -> float:
    factors = WalsFactors(np.ascontiguousarray(users), np.ascontiguousarray(items))
    params = WalsParams(
        dim=users.shape[1], unobserved_weight=W0, regularization=REGULARIZATION,
        regularization_exponent=0.0,
    )  # fmt: skip
    return wals_loss(train, factors, params, threads=THREADS)


def train_implicit(train: Interactions, dim: int, epochs: int) -> Run:
    from implicit.als import AlternatingLeastSquares

    seconds: list[float] = []
    losses: list[float] = []
    model = AlternatingLeastSquares(
        factors=dim, regularization=REGULARIZATION / W0, alpha=1 / W0, iterations=epochs,
        num_threads=THREADS, use_gpu=False, random_state=1,
    )  # fmt: skip

    def note(_iteration: int, elapsed: float, *_: object) -> None:
        seconds.append(elapsed)
        losses.append(loss_of(train, model.user_factors, model.item_factors))

    model.fit(_scipy(train), show_progress=False, callback=note)
    return Run(seconds, losses)


def train_irspack(train: Interactions, dim: int, epochs: int) -> Run:
    from irspack.recommenders import IALSRecommender

    model = IALSRecommender(
        _scipy(train), n_components=dim, alpha0=W0 / (1 - W0), reg=REGULARIZATION, nu=0.0,
        solver_type="CG", max_cg_steps=3, loss_type="IALSPP", n_threads=THREADS,
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


if __name__ == "__main__":
    main()
