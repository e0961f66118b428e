"""Child processes: they end with whoever started them, and are asked to stop once."""

import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from shortlist.server.storage.children import FIRST, Child, start_child, stop_child

ROOT = Path(__file__).parents[3]
TELLING = "tests.server.storage.telling_child"
WAIT_S = 30


def started(*arguments: str) -> Child:
    """Return a child that has said that it waits."""
    child = start_child(TELLING, arguments, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline().split() == [b"waiting", *map(str.encode, arguments)]
    return child


def test_a_child_ends_with_a_killed_parent() -> None:
    """Nobody is left who could tell it to."""
    program = (
        "import subprocess\nfrom shortlist.server.storage.children import start_child\n"
        f"child = start_child('{TELLING}', [], stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode().strip(), child.pid, flush=True)\nchild.wait()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        word, child_id = parent.stdout.readline().split()
        assert word == "waiting"
        descriptor = os.pidfd_open(int(child_id))
        parent.kill()
    assert select.select([descriptor], [], [], WAIT_S)[0], "the child still runs"
    os.close(descriptor)


def test_a_child_whose_parent_ended_before_it_could_look_ends_too() -> None:
    command = [sys.executable, "-m", FIRST, TELLING]
    ended = subprocess.run(command, input=b"", check=False, timeout=WAIT_S, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL


def test_a_child_outlives_the_thread_that_started_it() -> None:
    """Workers start exports from threads that come and go."""
    children: list[Child] = []
    thread = threading.Thread(target=lambda: children.append(started("a", "b")))
    thread.start()
    thread.join()
    (child,) = children
    assert child.stdout is not None
    child.ask_to_stop()
    assert child.stdout.readline() == b"asked\n"  # it still was there to hear it
    stop_child(child, 0.0)


def test_a_child_is_asked_to_stop_once_and_killed_when_its_patience_is_over() -> None:
    """A second SIGTERM would interrupt the very thing that the first one began."""
    child = started()
    assert child.stdout is not None
    reader = os.dup(child.stdout.fileno())
    for _ in range(3):
        child.ask_to_stop()
    stop_child(child, 0.2)
    assert child.returncode == -signal.SIGKILL
    assert os.read(reader, 1000) == b"asked\n"
    assert os.read(reader, 1000) == b""
    os.close(reader)


def test_a_stopped_child_leaves_no_descriptor() -> None:
    """A server starts children for months."""
    before = os.listdir("/proc/self/fd")
    for _ in range(2):
        child = start_child("this", [], stdout=subprocess.DEVNULL)
        stop_child(child, WAIT_S)
        stop_child(child, WAIT_S)  # once more is harmless
    assert os.listdir("/proc/self/fd") == before
