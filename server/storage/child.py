"""What each child process runs first: `python -m shortlist.server.storage.child MODULE ARGUMENTS`.

Its standard input is a pipe that nobody writes to, whose other end only the parent holds. However
the parent ends, the kernel closes that end, and then kills the child: no thread of ours has to run
for it, so a child deep in a kernel ends as surely as one that waits.

Not PR_SET_PDEATHSIG: it fires when the *thread* that started the child ends, and a worker starts
exports and evaluations from threads of a pool; and set between fork and exec it is Python code in
the fork of a process with grpc's threads, which may hang.
"""

import fcntl
import os
import runpy
import select
import signal
import sys

STDIN = 0


def die_with_parent() -> None:
    """Let the kernel kill this process once the parent's end of standard input is closed."""
    fcntl.fcntl(STDIN, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(STDIN, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(STDIN, fcntl.F_SETFL, fcntl.fcntl(STDIN, fcntl.F_GETFL) | os.O_ASYNC)
    closed_before, _, _ = select.select([STDIN], [], [], 0)  # then no signal comes any more
    if closed_before:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    die_with_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
