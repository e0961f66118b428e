"""Starts and stops our child processes: fresh interpreters that never outlive who started them."""

import subprocess
import sys
from collections.abc import Sequence
from typing import IO

FIRST = "shortlist.server.storage.child"


class Child(subprocess.Popen[bytes]):
    """A process that ends when this object does, or the process that holds it."""

    def __init__(
        self, module: str, arguments: Sequence[str], stdout: int | IO[bytes] | None
    ) -> None:
        super().__init__(
            [sys.executable, "-m", FIRST, module, *arguments],
            stdin=subprocess.PIPE,  # ours to hold, never to write to or close: see child.py
            stdout=stdout,
            bufsize=0,  # or a line could wait in a buffer that select does not see
            process_group=0,  # Ctrl-C is for the supervisor alone, which stops all in order
        )
        self._is_asked = False

    def ask_to_stop(self) -> None:
        """Send SIGTERM, once: it says all there is to say, and is never taken back."""
        if not self._is_asked and self.poll() is None:
            self._is_asked = True
            self.terminate()


def start_child(
    module: str, arguments: Sequence[str], stdout: int | IO[bytes] | None = None
) -> Child:
    """Start `python -m module arguments`; any thread may.

    A fresh interpreter, because a fork after grpc has started hangs.
    """
    return Child(module, arguments, stdout)


def stop_child(child: Child, patience_s: float) -> None:
    """Ask a child to stop, unless it is asked already; kill it when its patience has run out."""
    child.ask_to_stop()
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    close_pipes(child)


def close_pipes(child: Child) -> None:
    """Let the descriptors of a child that has ended go."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
