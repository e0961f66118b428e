"""What a training tells while it runs, and whether it should stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from shortlist.core.errors import TrainingCancelled
from shortlist.core.progress import Epoch
from shortlist.server.domain.job import JobPhase, JobProgress

INTERVAL_S = 0.05  # between two reports: nobody reads faster


# Where progress goes; JobStore.report with its job bound is one.
Report: TypeAlias = Callable[[JobProgress], None]


class Progress:
    """Passes progress on, at most twenty times a second, and the last of every phase always."""

    def __init__(
        self,
        report: Report,
        cancelled: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._cancelled = cancelled
        self._clock = clock
        self._told_at = -INTERVAL_S
        self._untold = False
        self._now = JobProgress(JobPhase.READING)
        self._epoch_seconds = 0.0
        self._tuning_began_at = 0.0

    def start(self, phase: JobPhase, epoch_count: int = 0) -> None:
        """Enter a phase. Raises TrainingCancelled when someone asked to stop."""
        self._enter(JobProgress(phase, epoch_count=epoch_count))

    def start_trial(self, number: int, count: int, best_quality: float, epoch_count: int) -> None:
        """Enter a trial of a tuning; best_quality: of those before. Raises TrainingCancelled."""
        if number == 1:
            self._tuning_began_at = self._clock()
        self._enter(
            JobProgress(
                JobPhase.TUNING,
                epoch_count=epoch_count,
                seconds_left=self._trials_left_s(number, count),
                trial=number,
                trial_count=count,
                best_quality=best_quality,
            )
        )

    def rows(self, count: int) -> None:
        """Note how many rows were read so far. Raises TrainingCancelled."""
        self._note(event_count=count)

    def epoch(self, epoch: Epoch) -> None:
        """Note that an epoch is done. Raises TrainingCancelled."""
        self._epoch_seconds += epoch.seconds
        if self._now.trial_count:  # trials end when they will: only their mean tells something
            seconds_left = self._trials_left_s(self._now.trial, self._now.trial_count)
        else:
            seconds_left = self._epoch_seconds / epoch.epoch * (epoch.epoch_count - epoch.epoch)
        self._note(epoch=epoch.epoch, loss=epoch.loss, seconds_left=seconds_left)
        self.check()

    def done(self, share: float, seconds: float) -> None:
        """Note the share of a phase without epochs that took some seconds so far."""
        self._note(seconds_left=seconds * (1 - share) / share)

    def finish(self) -> None:
        """Pass on what the last report left out."""
        if self._untold:
            self._tell()

    def check(self) -> None:
        """Raise TrainingCancelled when someone asked to stop."""
        if self._cancelled():
            raise TrainingCancelled(f"cancelled while {self._now.phase}")

    def _enter(self, progress: JobProgress) -> None:
        self.finish()
        self._now = replace(progress, event_count=self._now.event_count)
        self._epoch_seconds = 0.0
        self._tell()
        self.check()

    def _note(self, **changes: float) -> None:
        """Take changes of fields; they are told at once, or soon."""
        self._now = replace(self._now, **changes)  # type: ignore[arg-type]
        self._untold = True
        if self._clock() - self._told_at >= INTERVAL_S:
            self._tell()
            self.check()

    def _trials_left_s(self, trial: int, trial_count: int) -> float:
        """Return the seconds until a tuning ends, negative during its first trial."""
        ended = trial - 1
        spent = self._clock() - self._tuning_began_at
        return spent / ended * (trial_count - ended) if ended else -1.0

    def _tell(self) -> None:
        self._told_at = self._clock()
        self._untold = False
        self._report(self._now)
