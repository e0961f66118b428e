"""SIGTERM and SIGINT as a descriptor that becomes readable: the one way a process of ours is told.

A handler in Python runs between two instructions of the main thread, whatever that thread is in the
middle of. One that takes a lock (`threading.Event.set` does) can find it held by the very code that
it interrupted, a handler of the signal before among it, and then waits for itself for ever. So ours
do nothing: Python's handler in C writes a byte into a pipe, as a handler may at any moment, and
whoever waits selects on it. Nobody reads that byte, so a stop once asked for stays asked for.
"""

import os
import select
import signal
from types import FrameType


class StopSignal:
    """Made once, by the main thread; a selector can wait for it beside other descriptors.

    Its pipe is never closed: a signal may come as long as the process lives.
    """

    def __init__(self) -> None:
        self._asked, asking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(asking, warn_on_full_buffer=False)  # a full pipe has said it already
        signal.signal(signal.SIGTERM, _do_nothing)
        signal.signal(signal.SIGINT, _do_nothing)

    def fileno(self) -> int:
        """Return the descriptor; it is readable from the first signal on."""
        return self._asked

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return whether a signal has come, as soon as one has or the time is over; None: never."""
        ready, _, _ = select.select([self], [], [], timeout_s)
        return bool(ready)

    def is_set(self) -> bool:
        """Return whether a signal has come."""
        return self.wait(0)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Take the place of the default, which would end the process."""
