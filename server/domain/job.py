"""One training job: where it is, what it does, why it failed."""

from dataclasses import dataclass
from enum import StrEnum

from shortlist.server.domain.left_out import LeftOutRows
from shortlist.server.domain.training import TrainingSpec


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobPhase(StrEnum):
    """What a running job is doing."""

    READING = "reading"
    TUNING = "tuning"
    EVALUATING = "evaluating"
    TRAINING = "training"
    INDEXING = "indexing"
    PUBLISHING = "publishing"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is."""

    phase: JobPhase | None = None  # None until it runs
    epoch: int = 0  # done in this phase
    epoch_count: int = 0  # of this phase; 0 where it has none
    loss: float = 0.0  # after the last epoch
    event_count: int = 0  # read so far
    seconds_left: float = -1.0  # until this phase ends; negative: unknown
    trial: int = 0  # running now, from 1; 0 outside of tuning
    trial_count: int = 0  # of the tuning; 0 outside of it
    best_quality: float = 0.0  # of the trials before; 0 before the first has ended


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed, in the terms of an RPC's error details."""

    reason: str  # for example DATA_INVALID
    message: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """One training, as the store knew it a moment ago."""

    job_id: str
    spec: TrainingSpec
    state: JobState
    progress: JobProgress  # the last one reported
    created_ms: int  # all times since 1970
    started_ms: int | None
    ended_ms: int | None
    failure: Failure | None
    attempt: int  # 1 for the first run, more after a crash or a restart of the server
    version: int  # grows with every change
    left_out: tuple[LeftOutRows, ...] = ()  # rows of the files that it did not use, so far as read

    @property
    def has_ended(self) -> bool:
        """Return whether the job will never change again."""
        return self.state not in (JobState.QUEUED, JobState.RUNNING)
