"""Measures a published model on a caller's test data, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.config import Settings
from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.sources import EventSource
from shortlist.server.errors import NotReady, Overloaded, ProcessFailure, ServerError
from shortlist.server.operations.source_check import check_events
from shortlist.server.storage.plain import from_plain, to_plain


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Which model to measure on which data."""

    catalog: str
    model: str  # id or alias
    test_interactions: EventSource
    cutoffs: tuple[int, ...]
    seed: int
    baseline: str = ""  # id or alias to compare with; empty: none


MODULE = "shortlist.server.evaluation"
POLL_S = 0.2


class Evaluations:
    """Runs evaluations beside the serving: they take neither its memory nor its interpreter."""

    def __init__(self, settings: Settings, catalogs: Catalogs) -> None:
        self._settings = settings
        self._catalogs = catalogs
        self._free = threading.BoundedSemaphore(settings.limits.evaluations_max)

    def evaluate(self, request: EvaluationRequest, is_wanted: Callable[[], bool]) -> Evaluation:
        """Return the quality; gives up when is_wanted() says that nobody waits any more.

        Raises PathNotAllowed, DataSourceInvalid, CatalogNotFound, ModelNotFound, Overloaded.
        """
        catalog = self._catalogs.catalog(request.catalog, must_exist=True)
        model_id = catalog.resolve(request.model)
        baseline_id = catalog.resolve(request.baseline) if request.baseline else ""
        check_events(request.test_interactions, "test_interactions", self._settings.data.roots)
        if not self._free.acquire(blocking=False):
            limit = self._settings.limits.evaluations_max
            raise Overloaded(f"{limit} evaluations are running, which is the limit", limit=limit)
        try:
            return self._run(self._arguments(request, model_id, baseline_id), is_wanted)
        finally:
            self._free.release()

    def _run(self, arguments: list[str], is_wanted: Callable[[], bool]) -> Evaluation:
        child = subprocess.Popen(
            [sys.executable, "-m", MODULE, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the supervisor alone
        )
        while True:
            try:
                out, _ = child.communicate(timeout=POLL_S)
                break
            except subprocess.TimeoutExpired:
                if not is_wanted():
                    child.kill()
                    child.communicate()
                    problem = "The evaluation was given up: its caller left or the server stops."
                    raise NotReady(problem, draining=True) from None
        return _outcome(out, child.returncode)

    def _arguments(self, request: EvaluationRequest, model_id: str, baseline_id: str) -> list[str]:
        arguments = ["--data-dir", str(self._settings.data.dir)]
        arguments += ["--catalog", request.catalog, "--model", model_id]
        arguments += ["--baseline", baseline_id] if baseline_id else []
        arguments += ["--source", json.dumps(to_plain(request.test_interactions))]
        arguments += ["--cutoffs", ",".join(map(str, request.cutoffs))]
        arguments += ["--seed", str(request.seed)]
        for root in self._settings.data.roots:
            arguments += ["--data-root", root]
        return [*arguments, "--threads", str(self._settings.training.threads)]


def _outcome(out: bytes, status: int) -> Evaluation:
    """Return what the process found, or raise why it found nothing."""
    if status != 0:
        raise ServerError(f"the evaluation process ended with status {status}")
    data = json.loads(out)
    failure = data.get("failure")
    if failure is None:
        return from_plain(Evaluation, data["evaluation"])
    raise ProcessFailure(failure["reason"], failure["message"], failure["metadata"])
