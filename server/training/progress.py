"""What a training tells while it runs, and whether it should stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shortlist.core.errors import TrainingCancelled
from shortlist.core.progress import Epoch
from shortlist.server.domain.job import JobPhase

INTERVAL_S = 0.05  # between two reports: nobody reads faster


class Report(Protocol):
    """Where progress goes; JobStore.report with its job bound is one."""

    def __call__(
        self,
        *,
        phase: JobPhase,
        epoch: int,
        epoch_count: int,
        loss: float,
        event_count: int,
        seconds_left: float,
        trial: int,
        trial_count: int,
        best_quality: float,
    ) -> None: ...


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
        self._phase = JobPhase.READING
        self._epoch, self._epoch_count, self._loss, self._event_count = 0, 0, 0.0, 0
        self._seconds_left = -1.0
        self._epoch_seconds = 0.0
        self._trial, self._trial_count, self._best_quality = 0, 0, 0.0
        self._tuning_began_at = 0.0

    def start(self, phase: JobPhase, epoch_count: int = 0) -> None:
        """Enter a phase. Raises TrainingCancelled when someone asked to stop."""
        self._enter(phase, epoch_count, (0, 0, 0.0))

    def start_trial(self, number: int, count: int, best_quality: float, epoch_count: int) -> None:
        """Enter a trial of a tuning; best_quality: of those before. Raises TrainingCancelled."""
        if number == 1:
            self._tuning_began_at = self._clock()
        self._enter(JobPhase.TUNING, epoch_count, (number, count, best_quality))

    def rows(self, count: int) -> None:
        """Note how many rows were read so far. Raises TrainingCancelled."""
        self._event_count = count
        self._tell_soon()

    def epoch(self, epoch: Epoch) -> None:
        """Note that an epoch is done. Raises TrainingCancelled."""
        self._epoch, self._loss = epoch.epoch, epoch.loss
        self._epoch_seconds += epoch.seconds
        mean = self._epoch_seconds / epoch.epoch
        self._seconds_left = mean * (epoch.epoch_count - epoch.epoch)
        if self._trial_count:  # trials end when they will: only their mean tells something
            self._seconds_left = self._trials_left_s()
        self._tell_soon()
        self.check()

    def done(self, share: float, seconds: float) -> None:
        """Note the share of a phase without epochs that took some seconds so far."""
        self._seconds_left = seconds * (1 - share) / share
        self._tell_soon()

    def finish(self) -> None:
        """Pass on what the last report left out."""
        if self._untold:
            self._tell()

    def check(self) -> None:
        """Raise TrainingCancelled when someone asked to stop."""
        if self._cancelled():
            raise TrainingCancelled(f"cancelled while {self._phase}")

    def _enter(self, phase: JobPhase, epoch_count: int, trial: tuple[int, int, float]) -> None:
        self.finish()
        self._trial, self._trial_count, self._best_quality = trial
        self._phase, self._epoch_count = phase, epoch_count
        self._epoch, self._loss, self._seconds_left, self._epoch_seconds = 0, 0.0, -1.0, 0.0
        if self._trial_count:
            self._seconds_left = self._trials_left_s()
        self._tell()
        self.check()

    def _trials_left_s(self) -> float:
        """Return the seconds until a tuning ends, negative during its first trial."""
        ended = self._trial - 1
        spent = self._clock() - self._tuning_began_at
        return spent / ended * (self._trial_count - ended) if ended else -1.0

    def _tell_soon(self) -> None:
        self._untold = True
        if self._clock() - self._told_at >= INTERVAL_S:
            self._tell()
            self.check()

    def _tell(self) -> None:
        self._told_at, self._untold = self._clock(), False
        self._report(
            phase=self._phase,
            epoch=self._epoch,
            epoch_count=self._epoch_count,
            loss=self._loss,
            event_count=self._event_count,
            seconds_left=self._seconds_left,
            trial=self._trial,
            trial_count=self._trial_count,
            best_quality=self._best_quality,
        )
