"""Long work in a process of its own, which prints a JSON object a line, or why it failed."""

import json
import os
import select
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shortlist.server.errors import NotReady, ProcessFailure, ServerError
from shortlist.server.storage.children import start_child, stop_child

POLL_S = 0.2
STOP_PATIENCE_S = 1.0  # what is half written is not there, so there is nothing to wait for
BLOCK_BYTES = 1 << 16


def objects_from(
    module: str, arguments: Sequence[str], is_wanted: Callable[[], bool]
) -> Iterator[dict[str, Any]]:
    """Run `python -m module arguments` and yield what it prints; stops it when nobody waits.

    Raises ProcessFailure with the reason of what the process met, ServerError where it ended
    otherwise, and NotReady once is_wanted() says that nobody waits any more.
    """
    child = start_child(module, arguments, stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        for line in _lines(child.stdout.fileno(), is_wanted):
            printed = json.loads(line)
            failure = printed.get("failure")
            if failure is not None:
                raise ProcessFailure(failure["reason"], failure["message"], failure["metadata"])
            yield printed
        if child.wait() != 0:
            raise ServerError(f"{module} ended with status {child.returncode}")
    finally:
        stop_child(child, STOP_PATIENCE_S)


def _lines(descriptor: int, is_wanted: Callable[[], bool]) -> Iterator[bytes]:
    """Yield lines as they come, until the stream ends."""
    begun = b""  # of a line
    while True:
        ready, _, _ = select.select([descriptor], [], [], POLL_S)
        if not is_wanted():
            problem = "The work was given up: its caller left or the server stops."
            raise NotReady(problem, draining=True)
        if ready:
            block = os.read(descriptor, BLOCK_BYTES)
            if not block:
                return
            *whole, begun = (begun + block).split(b"\n")
            yield from whole
