"""Training jobs as a server tells them, and a client that does not wait."""

from typing import Any

from shortlist.client import Retries
from shortlist.v1 import model_service_pb2 as models_pb2

FAST = Retries(attempts_max=3, first_wait_s=0.001, wait_max_s=0.001)


def job(state: int, **fields: Any) -> models_pb2.TrainingJob:
    return models_pb2.TrainingJob(job_id="j", state=state, **fields)  # type: ignore[arg-type]
