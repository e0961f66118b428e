"""Shows how a training is doing: one line redrawn on a terminal, a line a change elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO, TypeAlias

from shortlist.client.training import TrainingJob

Progress: TypeAlias = Callable[[TrainingJob], None]

_WIDTH = 24
_LINE_INTERVAL_S = 2.0  # where lines cannot be redrawn, at most one so often within a phase


@contextlib.contextmanager
def progress_of(progress: bool | Progress) -> Iterator[Progress]:
    """Return what to call with every state of a job: the caller's function, a bar, or nothing."""
    if callable(progress):
        yield progress
    elif progress:
        bar = ProgressBar(sys.stderr)
        try:
            yield bar.show
        finally:
            bar.close()
    else:
        yield lambda _job: None


class ProgressBar:
    """Draws on one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._redraws = stream, stream.isatty()
        self._shown = ""
        self._phase = ""
        self._epochs_began_at = self._last_line_at = 0.0

    def show(self, job: TrainingJob) -> None:
        """Draw a job's state, unless it looks like the last one."""
        now = time.monotonic()
        if job.phase != self._phase or job.epoch == 0:
            self._epochs_began_at = now
        new_phase = job.phase != self._phase or job.has_ended
        line = describe(job, now - self._epochs_began_at)
        if line == self._shown:
            return
        if self._redraws:
            self._stream.write(f"\r\x1b[2K{line}")
        elif new_phase or now - self._last_line_at >= _LINE_INTERVAL_S:
            self._stream.write(f"{line}\n")
            self._last_line_at = now
        self._stream.flush()
        self._shown, self._phase = line, job.phase

    def close(self) -> None:
        """Leave the cursor on a line of its own."""
        if self._redraws and self._shown:
            self._stream.write("\n")
            self._stream.flush()


def describe(job: TrainingJob, phase_s: float) -> str:
    """Return one line: state, bar, epochs, loss, rate, time left."""
    if job.state != "running":
        reason = f": {job.failure.message}" if job.failure else ""
        return f"{job.state}{reason}"
    parts = [f"{job.phase:<10}"]
    if job.trial_count > 1:
        parts.append(f"trial {job.trial}/{job.trial_count}")
        parts.append(f"best {job.best_quality:.4f}" if job.best_quality else "")
    if job.epoch_count:
        filled = _WIDTH * job.epoch // job.epoch_count
        parts.append(f"[{'#' * filled}{'.' * (_WIDTH - filled)}]")
        parts.append(f"{job.epoch}/{job.epoch_count}")
    if job.epoch:
        parts.append(f"loss {job.loss:,.6g}")
        if phase_s > 0:
            parts.append(f"{job.epoch / phase_s:.1f} epochs/s")
    elif job.event_count:
        parts.append(f"{job.event_count:,} events")
    if job.epoch_count and job.seconds_left >= 0:
        parts.append(f"{job.seconds_left:.0f} s left")
    return "  ".join(parts)
