"""Chunks of work on threads: each is done once, and a failure reaches the caller."""

import threading

import pytest

from shortlist.core.parallel import for_each_chunk


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("chunk_count", [0, 1, 2, 100])
def test_every_chunk_is_done_once_before_the_call_returns(threads: int, chunk_count: int) -> None:
    """And no two of them use the same slab of scratch at once."""
    done: list[int] = []
    slabs = [threading.Lock() for _ in range(threads)]

    def work(chunk: int, thread: int) -> None:
        assert slabs[thread].acquire(blocking=False)
        done.append(chunk)
        slabs[thread].release()

    for_each_chunk(work, chunk_count, threads)
    assert sorted(done) == list(range(chunk_count))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_failure_is_raised_and_ends_the_work(threads: int) -> None:
    done: list[int] = []

    def work(chunk: int, _thread: int) -> None:
        if chunk == 3:
            raise ValueError(chunk)
        done.append(chunk)

    with pytest.raises(ValueError, match="3"):
        for_each_chunk(work, 10_000, threads)
    assert len(done) < 9_999
