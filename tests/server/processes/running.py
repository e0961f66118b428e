"""What a running server says about itself, and what its processes do."""

import os
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

Start = Callable[..., "subprocess.Popen[str]"]
WAIT_S = 30


def target_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("serving on "), line + process.communicate()[1]
    return line.removeprefix("serving on ").strip()


def child_ids(process_id: int) -> list[int]:
    """Return the processes that some thread of a process started."""
    tasks = Path(f"/proc/{process_id}/task")
    return [int(word) for path in tasks.glob("*/children") for word in path.read_text().split()]


def started_child(process_id: int, module: str) -> int:
    """Return the child that runs a module, once it is bound to end with its parent."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        for child_id in child_ids(process_id):
            command = Path(f"/proc/{child_id}/cmdline").read_bytes().split(b"\0")
            flags = Path(f"/proc/{child_id}/fdinfo/0").read_text().split()[3]
            if module.encode() in command and int(flags, 8) & os.O_ASYNC:
                return child_id
        os.sched_yield()
    raise AssertionError(f"{process_id} has no child that runs {module}")


def has_ended(descriptor: int) -> bool:
    """Return whether the process of a pidfd ends in time."""
    return bool(select.select([descriptor], [], [], WAIT_S)[0])
