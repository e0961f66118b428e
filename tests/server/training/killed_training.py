"""A training that dies: DATA_DIR EVENTS PHASE EPOCH, killed after that epoch or a little later."""

import os
import signal
import sys
from pathlib import Path

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.job import JobProgress
from shortlist.server.training.checkpoints import Checkpoints
from shortlist.server.training.pipeline import run_training
from tests.server.small_contents import long_spec

folder, events, phase, last = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])


def report(progress: JobProgress) -> None:
    if progress.phase == sys.argv[3] and progress.epoch >= last:
        os.kill(os.getpid(), signal.SIGKILL)


run_training(
    long_spec(events),
    Catalogs(folder),
    threads=1,
    report=report,
    cancelled=lambda: False,
    checkpoints=Checkpoints(folder, "job", interval_s=0.0),
)
