"""What share of the machine's arithmetic and bandwidth each phase of a WALS half step reaches.

One thread, CPU seconds, so that other work on the machine disturbs little. Of a solve the bytes are
the gathered rows once (its other passes find them in a cache), of the rest everything once. Long
rows are gathered in halves, as in all half steps of a training but the last.
"""

import time
from collections.abc import Callable

import numpy as np

from bench.peak import peak
from bench.report import Report
from shortlist.core.cpu import SIMD_LEVELS, available_levels
from shortlist.core.data.interactions import Interactions
from shortlist.core.linear.eigen import eigenpairs
from shortlist.core.linear.gramian import gramian, padded, rotate_rows
from shortlist.core.wals.rotated_sides import may_halve
from shortlist.core.wals.row_systems import RowSystems, row_chunks

STEPS = 2


def measure_phases(report: Report, name: str, train: Interactions, dim: int) -> None:
    """Print each phase of the users' half step at each SIMD level."""
    rng = np.random.default_rng(0)
    scale = np.float32(dim)
    items = padded(rng.standard_normal((train.column_count, dim)).astype(np.float32) / scale)
    users = padded(rng.standard_normal((train.row_count, dim)).astype(np.float32) / scale)
    lambdas, cuts = np.ones(train.row_count, np.float32), row_chunks(train.row_starts)
    flops, bandwidth = peak("fma"), peak("read", items.nbytes)
    passes, size = 4.0 * dim * (STEPS + 1), 2 if may_halve(dim) else 4
    amounts = {  # arithmetic operations, bytes
        "gramian": (items.size * dim, items.nbytes),
        "eigenvectors": (9.0 * dim**3, 0),
        "rotation": (2.0 * items.size * dim, 2 * items.nbytes),
        "solve": (train.entry_count * passes, train.entry_count * dim * size + 2 * users.nbytes),
    }
    for level_name in available_levels():
        if level_name == "avx512vnni":  # the same kernels as avx512
            continue
        level = SIMD_LEVELS.index(level_name)
        product = gramian(items, 1, level)
        values, basis = eigenpairs(product, level)
        gathered = padded(items)
        rotate_rows(gathered, None, 1, level, halve=may_halve(dim))
        system = RowSystems(
            train, lambdas, gathered, values, 0.03, cuts=cuts, halved=may_halve(dim)
        )
        works: dict[str, Callable[[], object]] = {
            "gramian": lambda level=level: gramian(items, 1, level),  # type: ignore[misc]
            "eigenvectors": lambda level=level, p=product: eigenpairs(p, level),  # type: ignore[misc]
            "rotation": lambda level=level, b=basis: rotate_rows(items, b, 1, level),  # type: ignore[misc]
            "solve": lambda level=level, s=system: s.solve(users, 1, level, steps=STEPS),  # type: ignore[misc]
        }
        for phase, work in works.items():
            seconds = min(_cpu_seconds(work) for _ in range(3))
            operations, moved = amounts[phase]
            rate = operations / seconds / 1e9
            share = f"{moved / seconds / 1e9 / bandwidth:.0%} of the read bandwidth"
            report.row(
                *(f"{name} dim={dim} {phase} {level_name}", "multiply", "GF/s", rate),
                peer="machine limit",
                peer_value=flops,
                smaller_is_better=False,
                quality=f"{seconds * 1e3:.2f} ms" + (f", {share}" if moved else ""),
            )


def _cpu_seconds(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started
