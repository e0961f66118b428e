"""A training process that never ends by itself, run as a module."""

import signal

if __name__ == "__main__":
    signal.pause()
