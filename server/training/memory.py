"""Whether a training fits in memory: better told before it starts than killed in the middle."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from shortlist.server.domain.algorithms import Params, dim_of
from shortlist.server.domain.index import CONNECTIVITY
from shortlist.server.errors import MemoryExceeded
from shortlist.server.trainers.data_size import DataSize, padded
from shortlist.server.trainers.registry import trainer_of

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_EVENT_BYTES = 20  # user, item, value, time


def check_memory(
    trained: Iterable[Params],
    size: DataSize,
    event_copies: int = 1,
    available_bytes: int | None = None,
    connectivity: int = CONNECTIVITY,
) -> None:
    """Raise MemoryExceeded when one of the trainings needs more than is available.

    event_copies: parts of the events held beside them, as those that are not held out. None: look
    up what is available. connectivity: edges a node of the graph that may be built.
    """
    events = event_copies * _EVENT_BYTES * size.event_count
    needed = events + max(needed_bytes(params, size, connectivity) for params in trained)
    available = find_available_bytes() if available_bytes is None else available_bytes
    if available is not None and needed > available:
        problem = f"the training needs about {needed} bytes of memory, {available} are available"
        raise MemoryExceeded(problem, needed_bytes=needed, available_bytes=available)


def needed_bytes(params: Params, size: DataSize, connectivity: int = CONNECTIVITY) -> int:
    """Return what a training allocates beside the events, at its peak.

    While it learns: the matrix, and what the trainer says. While indexes are built: a copy of the
    vectors, the codes twice, and a graph's edges (the lowest layer has twice the connectivity),
    beside the matrix and the vectors.
    """
    training = size.matrix_bytes + trainer_of(params).training_bytes(params, size)
    dim = dim_of(params)
    if not dim:
        return training
    codes = size.item_count * (6 * (padded(dim) + 1) + 5 * 2 * connectivity)
    return max(training, size.matrix_bytes + 2 * size.vector_bytes(padded(dim)) + codes)


def find_available_bytes() -> int | None:
    """Return the memory this process may still take, None where the system does not say."""
    sizes = [size for size in (_of_machine(), _of_group()) if size is not None]
    return min(sizes, default=None)


def _of_machine() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(sizes[0]) if sizes else None


def _of_group() -> int | None:
    """Return what the container's limit leaves; its page cache can be dropped, so it is free."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    cached = int(stat.get("inactive_file", 0))
    return None if limit == "max" else max(0, int(limit) - used + cached)
