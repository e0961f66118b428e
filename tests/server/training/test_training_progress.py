"""Progress: few reports, never without the last one, and an open ear for a stop."""

import pytest

from shortlist.core.errors import TrainingCancelled
from shortlist.core.progress import Epoch
from shortlist.server.domain.job import JobPhase, JobProgress
from shortlist.server.training.progress import Progress


class Listener:
    """Keeps the reports; time passes when the test says so."""

    def __init__(self) -> None:
        self.reports: list[JobProgress] = []
        self.now = 0.0
        self.stop = False

    def __call__(self, progress: JobProgress) -> None:
        self.reports.append(progress)

    def progress(self) -> Progress:
        return Progress(self, lambda: self.stop, lambda: self.now)


def test_fast_epochs_are_told_twenty_times_a_second() -> None:
    listener = Listener()
    progress = listener.progress()
    progress.start(JobPhase.TRAINING, 1000)
    for epoch in range(1, 1001):
        listener.now += 0.001
        progress.epoch(Epoch(epoch, 1000, 1 / epoch, 0.001))
    progress.finish()
    assert 19 <= len(listener.reports) <= 22
    assert (listener.reports[-1].epoch, listener.reports[-1].loss) == (1000, 0.001)


def test_the_last_report_of_a_phase_is_never_lost() -> None:
    listener = Listener()
    progress = listener.progress()
    progress.start(JobPhase.READING)
    progress.rows(5)
    progress.rows(7)
    progress.start(JobPhase.TRAINING, 3)
    seen = [(report.phase, report.event_count) for report in listener.reports]
    assert seen == [(JobPhase.READING, 0), (JobPhase.READING, 7), (JobPhase.TRAINING, 7)]


def test_seconds_left_are_measured_from_the_epochs_so_far() -> None:
    listener = Listener()
    progress = listener.progress()
    progress.start(JobPhase.TRAINING, 4)
    assert listener.reports[-1].seconds_left == -1.0
    for epoch, seconds in ((1, 2.0), (2, 4.0)):
        listener.now += seconds
        progress.epoch(Epoch(epoch, 4, 1.0, seconds))
    assert listener.reports[-1].seconds_left == 6.0
    progress.start(JobPhase.PUBLISHING)
    report = listener.reports[-1]
    assert (report.epoch, report.epoch_count, report.seconds_left) == (0, 0, -1.0)


def test_what_is_left_of_a_tuning_is_told_from_the_trials_that_ended() -> None:
    listener = Listener()
    progress = listener.progress()
    for number, best in ((1, 0.0), (2, 0.25)):
        progress.start_trial(number, 4, best, 10)
        listener.now += 6.0
        progress.epoch(Epoch(1, 10, 1.0, 6.0))
    told = [
        (report.trial, report.trial_count, report.best_quality, report.seconds_left)
        for report in listener.reports
    ]
    assert told == [(1, 4, 0.0, -1.0), (1, 4, 0.0, -1.0), (2, 4, 0.25, 18.0), (2, 4, 0.25, 36.0)]
    progress.start(JobPhase.TRAINING, 3)
    assert listener.reports[-1].trial_count == 0


def test_a_stop_is_heard_between_epochs_and_between_phases() -> None:
    listener = Listener()
    progress = listener.progress()
    progress.start(JobPhase.TRAINING, 4)
    listener.stop = True
    with pytest.raises(TrainingCancelled):
        progress.epoch(Epoch(1, 4, 1.0, 0.0))
    with pytest.raises(TrainingCancelled):
        progress.start(JobPhase.PUBLISHING)
