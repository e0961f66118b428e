"""`python -m tests.server.processes.waiting_process ROUNDS`: waits so often to be told to stop."""

import os
import sys

from shortlist.server.processes.stop_signal import StopSignal

if __name__ == "__main__":
    stop = StopSignal()
    assert not stop.is_set()
    for _ in range(int(sys.argv[1])):
        print("waiting", flush=True)
        assert stop.wait()
        assert stop.is_set()
        assert stop.wait(0.0), "a stop once asked for stays asked for"
        os.read(stop.fileno(), 1000)  # as if it were new
    os._exit(0)  # the last signals may come while Python ends
