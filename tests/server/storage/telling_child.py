"""`python -m tests.server.storage.telling_child`: prints when it waits and at each SIGTERM."""

import signal
import sys

if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    print("waiting", *sys.argv[1:], flush=True)
    while True:
        signal.sigwait([signal.SIGTERM])
        print("asked", flush=True)
