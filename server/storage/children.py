"""Starts our child processes: fresh interpreters that never outlive who wanted them."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
_LIBC = ctypes.CDLL(None, use_errno=True)


def start_child(
    module: str, arguments: Sequence[str], stdout: int | IO[bytes] | None = None
) -> "subprocess.Popen[bytes]":
    """Start `python -m module arguments`.

    A fresh interpreter, because a fork after grpc has started hangs. A process group of its own,
    because Ctrl-C is for the supervisor alone, which then stops the children in order. The kernel
    kills the child should the starting thread die by kill -9; so start children from a thread that
    lives as long as they may.
    """
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        process_group=0,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock is taken
    )


def stop_child(child: "subprocess.Popen[bytes]", patience_s: float) -> None:
    """Ask a child to stop, and kill it when its patience has run out."""
    if child.poll() is None:
        child.terminate()
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
