"""Measures a published model on a caller's test data, in a process of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.config import Settings
from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.sources import EventSource
from shortlist.server.errors import Overloaded
from shortlist.server.operations.child_output import objects_from
from shortlist.server.operations.source_check import check_events
from shortlist.server.storage.plain import from_plain, to_plain

MODULE = "shortlist.server.evaluation"


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Which model to measure on which data."""

    catalog: str
    model: str  # id or alias
    test_interactions: EventSource
    cutoffs: tuple[int, ...]
    seed: int
    baseline: str = ""  # id or alias to compare with; empty: none


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
        *_, printed = objects_from(MODULE, arguments, is_wanted)
        return from_plain(Evaluation, printed["evaluation"])

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
