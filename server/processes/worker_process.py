"""One serving process as the supervisor sees it: start, readiness, restart with growing pauses."""

import logging
import os
import subprocess
import time
from typing import IO

from shortlist.server.config import Settings, settings_to_text
from shortlist.server.storage.children import close_pipes, start_child, stop_child

_LOG = logging.getLogger("shortlist.server")

RESTART_PAUSE_S = 0.2  # after the first death; doubles with each further one
RESTART_PAUSE_MAX_S = 10.0
STEADY_S = 60.0  # a worker that lived this long starts again without a pause
KILL_MARGIN_S = 5.0  # beyond its drain time
READY = "ready "  # the line a worker writes once it answers, followed by its port


class WorkerProcess:
    """Keeps one worker running."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._pause_s = RESTART_PAUSE_S
        self._restart_at = 0.0
        self.port: int | None = None  # known once the worker answers
        self._start()

    def _start(self) -> None:
        self.port = None
        self._line = b""
        self._started_at = time.monotonic()
        arguments = ["worker", settings_to_text(self.settings)]
        self._child = start_child("shortlist.server", arguments, stdout=subprocess.PIPE)
        assert self._child.stdout is not None
        self.pipe: IO[bytes] = self._child.stdout
        os.set_blocking(self.pipe.fileno(), False)

    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self._child.poll() is None

    def read_ready_line(self) -> None:
        """Take what the worker wrote; sets `port` once the ready line is whole."""
        self._line += self.pipe.read() or b""
        text = self._line.decode(errors="replace")
        if text.startswith(READY) and text.endswith("\n"):
            self.port = int(text.removeprefix(READY))

    def keep_running(self) -> None:
        """Start the worker again when it has died and its pause is over."""
        if self.is_running():
            return
        now = time.monotonic()
        if not self._restart_at:
            if now - self._started_at > STEADY_S:
                self._pause_s = RESTART_PAUSE_S
            self._restart_at = now + self._pause_s
            _LOG.error(
                "worker %d died (exit status %s); starting another in %.1f s",
                self._child.pid,
                self._child.returncode,
                self._pause_s,
            )
            self._pause_s = min(2 * self._pause_s, RESTART_PAUSE_MAX_S)
            close_pipes(self._child)
        elif now >= self._restart_at:
            self._restart_at = 0.0
            self._start()

    def ask_to_drain(self) -> None:
        """Ask the worker to drain."""
        self._child.ask_to_stop()

    def stop(self) -> None:
        """Wait until the worker has drained, not longer than its drain time and a margin."""
        stop_child(self._child, self.settings.server.drain_s + KILL_MARGIN_S)
