"""Runs chunks of work on several threads; kernels release the GIL, so plain threads suffice.

Plain threads rather than OpenMP: no compiler run-time to ship in wheels, clang without libomp
builds, and nothing breaks when a host program forks. Determinism is the kernels' affair: a chunk
writes only its own rows, so which thread takes it changes nothing.
"""

import _thread
import itertools
import os
import threading
from collections.abc import Callable

from shortlist.core.errors import SettingInvalid

THREADS_MAX = 1024


def resolve_threads(threads: int) -> int:
    """Return the number of threads to use: `threads`, or every core this process may use for 0."""
    if not 0 <= threads <= THREADS_MAX:
        raise SettingInvalid("threads", threads, f"0 (every core) to {THREADS_MAX}")
    return threads or len(os.sched_getaffinity(0))


def for_each_chunk(work: Callable[[int, int], None], chunk_count: int, threads: int) -> None:
    """Call work(chunk, thread) for every chunk in 0..chunk_count-1 on up to `threads` threads.

    `thread` is 0..threads-1: the slab of scratch memory that this call may use. Chunks are handed
    out in order, one at a time. The first exception stops the hand-out and is raised here.
    """
    threads = min(threads, chunk_count)
    if threads <= 1:
        for chunk in range(chunk_count):
            work(chunk, 0)
        return
    tickets, ended = itertools.count(), itertools.count()  # next() on them is atomic
    all_ended = threading.Lock()
    all_ended.acquire()
    failures: list[BaseException] = []

    def drain(thread: int) -> None:
        while (chunk := next(tickets)) < chunk_count:
            try:
                if not failures:
                    work(chunk, thread)
            except BaseException as failure:  # carried over to the calling thread, raised there
                failures.append(failure)
            if next(ended) == chunk_count - 1:
                all_ended.release()

    # Not threading.Thread: its start waits until the thread runs, which on a busy machine may come
    # after all chunks are done. One that comes late finds no chunk left, and nobody waits for it.
    for thread in range(1, threads):
        _thread.start_new_thread(drain, (thread,))
    drain(0)
    all_ended.acquire()
    if failures:
        raise failures[0]
