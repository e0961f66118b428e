"""A training that never ends by itself: `python -m tests.server.training.endless_training`."""

import signal

if __name__ == "__main__":
    signal.pause()
