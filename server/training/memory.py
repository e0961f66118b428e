"""Whether a training fits in memory: better told before it starts than killed in the middle."""

from __future__ import annotations

from pathlib import Path

from shortlist.server.errors import MemoryExceeded
from shortlist.server.index.graph import CONNECTIVITY

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_ENTRY_BYTES = 8  # column and value
_EVENT_BYTES = 20  # user, item, value, time
_LANES = 16  # rows of factors are padded to a multiple of this


def check_memory(
    user_count: int,
    item_count: int,
    event_count: int,
    dim: int,
    available_bytes: int | None = None,
) -> None:
    """Raise MemoryExceeded when a training needs more than is available; None: look it up."""
    needed = needed_bytes(user_count, item_count, event_count, dim)
    available = find_available_bytes() if available_bytes is None else available_bytes
    if available is not None and needed > available:
        problem = f"the training needs about {needed} bytes of memory, {available} are available"
        raise MemoryExceeded(problem, needed_bytes=needed, available_bytes=available)


def needed_bytes(user_count: int, item_count: int, event_count: int, dim: int) -> int:
    """Return what a training allocates beside the data that was read, at its peak.

    While factors are trained: the matrix as it is, weighted, and transposed; both sides padded,
    and copied once when they are done. While indexes are built: a copy of the vectors, the codes
    twice, and a graph's edges (the lowest layer has twice the connectivity), beside the factors.
    dim 0: no vectors.
    """
    matrix = _ENTRY_BYTES * event_count
    if not dim:
        return 2 * matrix
    width = -(-dim // _LANES) * _LANES
    factors = 4 * width * (user_count + item_count)
    training = 3 * matrix + 2 * factors + _EVENT_BYTES * event_count // 2
    index = matrix + factors + item_count * (6 * (width + 1) + 5 * 2 * CONNECTIVITY)
    return max(training, index)


def find_available_bytes() -> int | None:
    """Return the memory this process may still take, None where the system does not say."""
    found = [size for size in (_of_machine(), _of_group()) if size is not None]
    return min(found, default=None)


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
