"""A training that dies after an epoch.

python -m tests.server.training.killed_training DATA_DIR EVENTS PHASE EPOCH
"""

import os
import signal
import sys
from pathlib import Path

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.job import JobPhase
from shortlist.server.training.checkpoints import Checkpoints
from shortlist.server.training.pipeline import run_training
from tests.server.small_contents import long_spec

folder, events, phase, last = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])


def report(*, phase: JobPhase, epoch: int, **_: object) -> None:
    if phase == sys.argv[3] and epoch >= last:
        os.kill(os.getpid(), signal.SIGKILL)


run_training(
    long_spec(events),
    Catalogs(folder),
    threads=1,
    report=report,
    cancelled=lambda: False,
    checkpoints=Checkpoints(folder, "job", interval_s=0.0),
)
