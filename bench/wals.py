"""WALS training beside implicit and irspack: seconds an epoch, and loss, of one objective.

The objective is ours (docs/algorithms/wals.md) with plain L2 (nu = 0), targets 1 and weights 1,
which both peers can be told to minimise: implicit by alpha = 1 / w0 and regularization / w0,
irspack by alpha0 = w0 / (1 - w0), its vectors then being scaled by sqrt(1 - w0). Every loss is
ours, computed in float64 from the factors. `time to loss`: seconds until our loss is below what
the peer ends at.
"""

import multiprocessing
import os
import re
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import Report, arguments
from bench.wals_data import datasets
from bench.wals_peers import REGULARIZATION, THREADS, W0, Run, Trainer, peers, subspace_peers
from bench.wals_phases import measure_phases
from shortlist.core.data.interactions import Interactions, select_rows
from shortlist.core.wals.params import WalsParams
from shortlist.core.wals.wals import train_wals

STATUS = Path("/proc/self/status")
LARGE_DIMS, LARGE_SETS = (512, 1024), ("gowalla", "ml-1m")
MANY_ENTRIES = 2_000_000


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("wals", as_json=options.json)
    dims, epochs = ((64,), 6) if options.quick else ((64, 128, 256), 12)
    for name, train in datasets(options.quick):
        for dim in dims:
            measure_epochs(report, f"{name} dim={dim}", train, dim, epochs)
            measure_memory(report, f"{name} dim={dim}", train, dim)
            measure_phases(report, name, train, dim)
        for dim in LARGE_DIMS if name in LARGE_SETS and not options.quick else ():
            ours = train_ours(train, dim, 4)
            for peer_name, by_peer in subspace_peers().items():
                peer, job = by_peer(train, dim, 4), f"{name} dim={dim}"
                compare(report, job, peer_name, ours, peer)
                shortest = shortest_to(train, dim, ours, peer)
                compare_time_to_loss(report, job, peer_name, shortest, peer)


def measure_epochs(report: Report, job: str, train: Interactions, dim: int, epochs: int) -> None:
    """Compare with conjugate gradient of both peers; beside it one step, and the exact solver."""
    ways: dict[str, Trainer] = {
        "two steps": train_ours,
        "one step": partial(train_ours, cg_steps=1),
    }
    trainers = ways | peers()
    # In turns, as the machine may be slow for a while.
    turns = 2 if train.entry_count < MANY_ENTRIES else 1
    runs = [{name: by(train, dim, epochs) for name, by in trainers.items()} for _ in range(turns)]
    found = {name: min((turn[name] for turn in runs), key=typical_epoch) for name in trainers}
    ours, one_step = found.pop("two steps"), found.pop("one step")
    for name, peer in found.items():
        compare(report, job, name, ours, peer)
        compare_time_to_loss(report, job, name, shortest_to(train, dim, ours, peer), peer)
        compare(report, f"{job} cg_steps=1", name, one_step, peer)
    if train.entry_count < MANY_ENTRIES:
        exact = train_ours(train, dim, 2, solver="cholesky")
        report.row(
            f"{job} cholesky", "epoch", "s", typical_epoch(exact),
            quality=f"loss {exact.losses[-1]:,.0f} after 2",
        )  # fmt: skip


def typical_epoch(run: Run) -> float:
    """Return the median of the seconds of the epochs after the first."""
    return statistics.median(run.seconds[1:])


def compare(report: Report, job: str, name: str, ours: Run, peer: Run) -> None:
    """Print time an epoch, and both losses."""
    lower = all(a <= b for a, b in zip(ours.losses, peer.losses, strict=True))
    report.row(
        f"{job} epoch", "epoch", "s", typical_epoch(ours),
        peer=name, peer_value=typical_epoch(peer),
        quality=f"loss {ours.losses[-1]:,.0f} beside {peer.losses[-1]:,.0f} after "
        f"{len(peer.losses)}, {'never' if lower else 'sometimes'} higher",
    )  # fmt: skip


def shortest_to(train: Interactions, dim: int, ours: Run, peer: Run) -> Run | None:
    """Return the training of fewest epochs that ends no higher than the peer; None: none found.

    The last epoch of a training is unlike the others, so it may take one less than `ours` needed.
    """
    found = None
    reached = [epoch for epoch, loss in enumerate(ours.losses, 1) if loss <= peer.losses[-1]]
    for epochs in range(reached[0] if reached else len(ours.losses), 0, -1):
        shorter = train_ours(train, dim, epochs)
        if shorter.losses[-1] > peer.losses[-1]:
            break
        found = shorter
    if found is None or train.entry_count > MANY_ENTRIES:
        return found
    again = train_ours(train, dim, len(found.losses))  # in turns as the peers: the faster counts
    return min(found, again, key=lambda run: sum(run.seconds))


def compare_time_to_loss(
    report: Report, job: str, name: str, shortest: Run | None, peer: Run
) -> None:
    """Print the time of our shortest training beside the peer's."""
    reached = f"{len(shortest.losses)} epochs, {shortest.losses[-1]:,.0f}" if shortest else "never"
    report.row(
        f"{job} to loss", "time to loss", "s", sum(shortest.seconds) if shortest else float("nan"),
        peer=name, peer_value=sum(peer.seconds),
        quality=f"{reached}; {len(peer.losses)} epochs, {peer.losses[-1]:,.0f}",
    )  # fmt: skip


def measure_memory(report: Report, job: str, train: Interactions, dim: int) -> None:
    """Compare the peak of a training, with the rows it is given, with factors and both matrices."""
    if not STATUS.exists():
        return
    # The C library would keep what was freed before, and a training that reuses it look smaller.
    os.environ["MALLOC_MMAP_THRESHOLD_"] = str(1 << 16)
    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        grown = fresh.apply(peak_bytes, (train, dim))
    rows, columns = train.row_count, train.column_count
    given = 8 * (train.entry_count + rows)
    peak = grown + given
    least = given + 8 * (train.entry_count + columns) + 4 * dim * (rows + columns)
    report.row(
        *(f"{job} memory", "peak memory", "MB", peak / 1e6),
        peer="factors and both matrices",
        peer_value=least / 1e6,
        quality=f"{peak / least - 1:+.0%}",
    )


def peak_bytes(train: Interactions, dim: int) -> int:
    """Return by how much a training's peak lies above what this process, a fresh one, had."""
    train_ours(select_rows(train, np.arange(9, dtype=np.int32)), dim, 1)  # what is made once
    before = _status_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    train_ours(train, dim, 2)
    return _status_bytes("VmHWM") - before


def train_ours(train: Interactions, dim: int, epochs: int, **how: Any) -> Run:
    seconds: list[float] = []
    params = WalsParams(
        dim=dim, epochs=epochs, unobserved_weight=W0, regularization=REGULARIZATION,
        regularization_exponent=0.0, **how,
    )  # fmt: skip
    factors = train_wals(
        train, params, threads=THREADS, on_epoch=lambda epoch, _: seconds.append(epoch.seconds)
    )
    return Run(seconds, list(factors.losses))


def _status_bytes(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())
    return 1024 * int(found[1]) if found else 0


if __name__ == "__main__":
    main()
