"""Accepts trainings and looks after their jobs; the supervisor runs them."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import check_warm_start
from shortlist.server.domain.algorithms import Params, algorithm_of
from shortlist.server.domain.job import Job, JobState
from shortlist.server.domain.training import TrainingSpec
from shortlist.server.errors import FieldInvalid, ModelExists, ModelNotFound
from shortlist.server.jobs.store import JobStore
from shortlist.server.operations.source_check import check_attributes, check_events
from shortlist.server.serving.slots import Slots


def new_model_id(params: Params) -> str:
    """Return an id that says what and when, and that nobody else is given."""
    name = algorithm_of(params).name
    return f"{name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


class Trainings:
    """What ModelService does about jobs; every method may be called from any thread."""

    def __init__(
        self, store: JobStore, catalogs: Catalogs, slots: Slots, roots: tuple[str, ...]
    ) -> None:
        self._store = store
        self._catalogs = catalogs
        self._slots = slots
        self._roots = roots

    def submit(self, spec: TrainingSpec) -> Job:
        """Put a training into the queue; it is on disk when this returns.

        A retry with the same request_id gets the first one's job, whatever has changed since.
        Raises PathNotAllowed, DataSourceInvalid for what a look at the files tells at once,
        ModelExists, Overloaded.
        """
        earlier = self._store.find_request(spec.request_id)
        if earlier is not None:
            return earlier
        self._check_sources(spec)
        self._check_names(spec)
        spec = self._with_warm_start(spec)
        return self._store.submit(spec)

    def get(self, job_id: str) -> Job:
        """Return a job. Raises JobNotFound.

        Whoever waited for the end of a training retrieves next: its model serves here by then.
        """
        job = self._store.get(job_id)
        if job.state is JobState.SUCCEEDED:
            self._slots.refresh()
        return job

    def page(self, catalog: str | None, size: int, token: str) -> tuple[list[Job], str]:
        """Return up to `size` jobs, newest first, and the token of the next page."""
        return self._store.page(catalog, size, token)

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop; one that has ended stays as it is. Raises JobNotFound."""
        return self._store.request_cancel(job_id)

    def _check_sources(self, spec: TrainingSpec) -> None:
        check_events(spec.interactions, "interactions", self._roots)
        name = algorithm_of(spec.algorithm).name
        for source, path, features, field in (
            (spec.items, "items", spec.item_features, "item_features"),
            (spec.users, "users", spec.user_features, "user_features"),
        ):
            check_attributes(source, path, self._roots, features, f"{name}.{field}")
        if spec.evaluation.test_interactions is not None:
            test = spec.evaluation.test_interactions
            check_events(test, "evaluation.test_interactions", self._roots)

    def _with_warm_start(self, spec: TrainingSpec) -> TrainingSpec:
        """Return the spec with the id of the model that an alias means now."""
        if not spec.warm_start_model:
            return spec
        if spec.tuning and spec.tuning.dims:
            problem = "has one dim; tuning.dims must be empty with it"
            raise FieldInvalid("warm_start_model", problem, found=spec.warm_start_model)
        catalog = self._catalogs.catalog(spec.catalog)
        try:
            model_id = catalog.resolve(spec.warm_start_model)
            manifest = catalog.manifest(model_id)
        except ModelNotFound as missing:
            raise FieldInvalid(
                "warm_start_model", str(missing), found=spec.warm_start_model
            ) from missing
        check_warm_start(manifest, spec.algorithm)
        return replace(spec, warm_start_model=model_id)

    def _check_names(self, spec: TrainingSpec) -> None:
        """One name must not mean a model and an alias: requests take either."""
        catalog = self._catalogs.catalog(spec.catalog)
        place = {"catalog": spec.catalog, "model": spec.model_id}
        if catalog.model_path(spec.model_id).exists():
            problem = f"catalog {spec.catalog} has a model {spec.model_id} already"
            raise ModelExists(problem, **place)
        if spec.model_id in catalog.aliases().targets or spec.model_id == spec.alias:
            raise ModelExists(f"{spec.model_id} is the name of an alias", **place)
        if spec.alias and catalog.model_path(spec.alias).exists():
            raise FieldInvalid("alias", f"{spec.alias} is the id of a model", found=spec.alias)
