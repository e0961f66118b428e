"""Training jobs: from the wire to the domain and back."""

from shortlist.server.domain.job import Job, JobPhase, JobState
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.fields import catalog_from_text, check_text
from shortlist.server.rpc.pages import Page, page_from_proto
from shortlist.server.rpc.times import time_to_proto
from shortlist.server.rpc.training_messages import training_spec_to_proto
from shortlist.v1 import model_service_pb2 as pb2

_JOB_ID_BYTES_MAX = 128
_STATES = {
    JobState.QUEUED: pb2.JOB_STATE_QUEUED,
    JobState.RUNNING: pb2.JOB_STATE_RUNNING,
    JobState.SUCCEEDED: pb2.JOB_STATE_SUCCEEDED,
    JobState.FAILED: pb2.JOB_STATE_FAILED,
    JobState.CANCELLED: pb2.JOB_STATE_CANCELLED,
}
_PHASES = {
    JobPhase.READING: pb2.JOB_PHASE_READING,
    JobPhase.TUNING: pb2.JOB_PHASE_TUNING,
    JobPhase.EVALUATING: pb2.JOB_PHASE_EVALUATING,
    JobPhase.TRAINING: pb2.JOB_PHASE_TRAINING,
    JobPhase.INDEXING: pb2.JOB_PHASE_INDEXING,
    JobPhase.PUBLISHING: pb2.JOB_PHASE_PUBLISHING,
}
JobRequest = pb2.GetTrainingJobRequest | pb2.WatchTrainingJobRequest | pb2.CancelTrainingJobRequest


def job_id_from_proto(request: JobRequest) -> str:
    """Return the id of the job that is asked about."""
    if not request.job_id:
        raise FieldInvalid("job_id", "is required")
    return check_text("job_id", request.job_id, _JOB_ID_BYTES_MAX)


def jobs_page_from_proto(request: pb2.ListTrainingJobsRequest) -> tuple[str | None, Page]:
    """Return the catalog, None for every one, and the page."""
    catalog = catalog_from_text(request.catalog) if request.catalog else None
    return catalog, page_from_proto(request.page_size, request.page_token)


def job_to_proto(job: Job) -> pb2.TrainingJob:
    """Return a job."""
    progress = job.progress
    failure = None
    if job.failure is not None:
        failure = pb2.JobFailure(
            reason=job.failure.reason, message=job.failure.message, metadata=job.failure.metadata
        )
    return pb2.TrainingJob(
        job_id=job.job_id,
        request=training_spec_to_proto(job.spec),
        state=_STATES[job.state],
        phase=_PHASES[progress.phase] if progress.phase else pb2.JOB_PHASE_UNSPECIFIED,
        epoch=progress.epoch,
        epoch_count=progress.epoch_count,
        loss=progress.loss,
        event_count=progress.event_count,
        seconds_left=progress.seconds_left,
        create_time=time_to_proto(job.created_ms),
        start_time=time_to_proto(job.started_ms),
        end_time=time_to_proto(job.ended_ms),
        failure=failure,
        trial=progress.trial,
        trial_count=progress.trial_count,
        best_quality=progress.best_quality,
    )


def job_page_to_proto(jobs: list[Job], next_token: str) -> pb2.ListTrainingJobsResponse:
    """Return one page of jobs."""
    return pb2.ListTrainingJobsResponse(jobs=map(job_to_proto, jobs), next_page_token=next_token)
