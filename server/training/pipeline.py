"""One training from its files to the alias: read, measure, train, index, publish."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from shortlist.core.data.interactions import Events
from shortlist.core.parallel import resolve_threads
from shortlist.server.artifacts.artifact import ModelContents, open_artifact, write_artifact
from shortlist.server.artifacts.catalogs import Catalog, Catalogs
from shortlist.server.artifacts.manifest import IndexReport, Manifest
from shortlist.server.domain.algorithms import algorithm_of, epoch_count_of, with_dim
from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.index import GraphOptions
from shortlist.server.domain.job import JobPhase
from shortlist.server.domain.training import TrainingSpec, is_answer_to, spec_to_json
from shortlist.server.errors import ModelExists
from shortlist.server.evaluation.holdout import Holdout, given_test, hold_out
from shortlist.server.evaluation.measure import evaluate
from shortlist.server.index.choice import build_index
from shortlist.server.reading.checked import read_checked
from shortlist.server.trainers.data_size import DataSize
from shortlist.server.trainers.trainer import WarmStart
from shortlist.server.training.checkpoints import Checkpoints
from shortlist.server.training.fit import Fitted, fit
from shortlist.server.training.memory import check_memory
from shortlist.server.training.prepare import PreparedData, prepare
from shortlist.server.training.progress import Progress, Report
from shortlist.server.training.tune import tune
from shortlist.server.training.warm_start import warm_start


def run_training(
    spec: TrainingSpec,
    catalogs: Catalogs,
    *,
    threads: int,
    report: Report,
    cancelled: Callable[[], bool],
    roots: Sequence[str] | None = None,
    resumed: bool = False,
    checkpoints: Checkpoints | None = None,
) -> Manifest:
    """Train, measure and publish a model, and move its alias; the same bits at any thread count.

    threads: 0 is every core. roots: where files must lie; None: checked before. resumed: an earlier
    run of this training was lost; if it got as far as publishing, only the alias is left to do.
    checkpoints: where it got to otherwise; None: it starts anew. They outlive nothing but a kill.
    Raises TrainingCancelled, ModelExists, DataInvalid, MemoryExceeded, PathNotAllowed and what
    the trainers raise; whatever happens, no part of a model becomes visible.
    """
    catalog = catalogs.catalog(spec.catalog)
    threads = resolve_threads(threads)
    progress = Progress(report, cancelled)
    manifest = _published_before(spec, catalog) if resumed else None
    try:
        if manifest is None:
            manifest = _train_and_publish(spec, catalog, progress, threads, roots, checkpoints)
    finally:
        if checkpoints is not None:
            checkpoints.remove()
    if spec.alias is not None:
        catalog.set_alias(spec.alias, spec.model_id)
    progress.finish()
    return manifest


def _train_and_publish(
    spec: TrainingSpec,
    catalog: Catalog,
    progress: Progress,
    threads: int,
    roots: Sequence[str] | None,
    checkpoints: Checkpoints | None,
) -> Manifest:
    started = time.perf_counter()
    if catalog.model_path(spec.model_id).exists():  # told now rather than after an hour
        problem = f"catalog {spec.catalog} has a model {spec.model_id} already"
        raise ModelExists(problem, catalog=spec.catalog, model=spec.model_id)
    progress.start(JobPhase.READING)
    data = prepare(spec, roots, threads, progress.rows, catalog.hidden().deleted)
    _check_memory(spec, data, threads)
    holdout = _holdout(spec, data)
    train = data.events if holdout is None else holdout.train
    spec, trials = tune(spec, data, train, progress, threads)
    fitting = partial(_fit, spec, data, progress, threads, checkpoints)
    evaluation = None
    if holdout is not None:
        progress.start(JobPhase.EVALUATING, _epoch_count(spec))
        # It starts cold whatever the spec says: an earlier model knows the events held out.
        evaluation = _evaluate(spec, data, holdout, fitting("evaluating", holdout.train), threads)
    progress.start(JobPhase.TRAINING, _epoch_count(spec))
    fitted = fitting("training", data.events, _warm_start(spec, catalog, data))
    if spec.evaluation.split == "given":
        evaluation = _evaluate_given(spec, fitted, progress, threads, roots)
    about = replace(_about(spec, fitted), evaluation=evaluation, trials=trials)
    return _publish(
        catalog,
        fitted.contents,
        about,
        progress,
        threads=threads,
        started=started,
        spec=spec,
    )


def _check_memory(spec: TrainingSpec, data: PreparedData, threads: int) -> None:
    """Raise MemoryExceeded where some training of the spec does not fit."""
    size = DataSize(len(data.users), len(data.items), len(data.events), threads=threads)
    features = [values for values in data.feature_values if values is not None]
    size = replace(
        size,
        feature_counts=tuple(values.column_count for values in features),
        feature_entry_count=sum(values.entry_count for values in features),
    )
    dims = spec.tuning.dims if spec.tuning else ()
    searched = spec.early_stopping is not None or spec.tuning is not None
    measured = spec.evaluation.split not in ("given", "none")
    check_memory(
        [spec.algorithm, *(with_dim(spec.algorithm, dim) for dim in dims)],
        size,
        event_copies=measured + 2 * searched,  # of a search also the matrix of its part
        connectivity=(spec.index.graph or GraphOptions()).connectivity,
    )


def _holdout(spec: TrainingSpec, data: PreparedData) -> Holdout | None:
    """Hold out the events to measure on; None where none are to be, or none can be."""
    if spec.evaluation.split in ("given", "none"):
        return None
    shape = len(data.users), len(data.items)
    return hold_out(data.events, *shape, spec.evaluation, spec.preparation.aggregation)


def _evaluate(
    spec: TrainingSpec, data: PreparedData, holdout: Holdout, fitted: Fitted, threads: int
) -> Evaluation:
    """Measure what was trained on a part of the events on the rest."""
    test = holdout.test
    if data.segments is not None:
        test = replace(test, segments=data.segments.users)
    test = replace(test, features=data.feature_values[1])
    return evaluate(
        fitted.contents,
        algorithm_of(fitted.params),
        test,
        split=holdout.split,
        cutoffs=spec.evaluation.cutoffs,
        threads=threads,
    )


def _evaluate_given(
    spec: TrainingSpec,
    fitted: Fitted,
    progress: Progress,
    threads: int,
    roots: Sequence[str] | None,
) -> Evaluation:
    """Measure the model on the test data that the caller named."""
    progress.start(JobPhase.EVALUATING)
    wanted = spec.evaluation
    contents = fitted.contents
    assert wanted.test_interactions is not None
    table = read_checked(wanted.test_interactions, roots, threads)
    vocabularies = contents.users, contents.items
    test = given_test(table, *vocabularies, spec.preparation.aggregation, wanted.seed)
    return evaluate(
        contents,
        algorithm_of(fitted.params),
        test,
        split="given",
        cutoffs=wanted.cutoffs,
        threads=threads,
    )


def _publish(
    catalog: Catalog,
    contents: ModelContents,
    about: Manifest,
    progress: Progress,
    *,
    threads: int,
    started: float,
    spec: TrainingSpec,
) -> Manifest:
    """Build the index, write everything into a hidden folder, and rename that."""
    staged = catalog.stage(about.model_id)
    try:
        progress.start(JobPhase.INDEXING)
        index = _index(staged, contents, spec, progress, threads, started)
        progress.start(JobPhase.PUBLISHING)
        seconds = time.perf_counter() - started
        about = replace(about, index=index, training_seconds=seconds)
        manifest = write_artifact(staged, contents, about)
        progress.check()
        catalog.publish(staged, about.model_id)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return manifest


def _index(
    folder: Path,
    contents: ModelContents,
    spec: TrainingSpec,
    progress: Progress,
    threads: int,
    trained_from: float,
) -> IndexReport:
    """Build the index of a model that has vectors."""
    if contents.item_vectors is None or contents.user_vectors is None:
        return IndexReport()
    started = time.perf_counter()

    def added(done: int, total: int) -> None:
        progress.done(done / total, time.perf_counter() - started)

    return build_index(
        *(folder, contents.item_vectors, contents.user_vectors),
        asked=spec.index,
        target_recall=spec.target_recall,
        trained_seconds=started - trained_from,
        threads=threads,
        on_progress=added,
    )


def _fit(
    spec: TrainingSpec,
    data: PreparedData,
    progress: Progress,
    threads: int,
    checkpoints: Checkpoints | None,
    name: str,
    events: Events,
    warm: WarmStart | None = None,
) -> Fitted:
    return fit(
        data,
        events,
        spec.algorithm,
        spec.preparation,
        threads=threads,
        on_epoch=progress.epoch,
        warm_start=warm,
        checkpoints=checkpoints,
        name=name,
    )


def _warm_start(spec: TrainingSpec, catalog: Catalog, data: PreparedData) -> WarmStart | None:
    if not spec.warm_start_model:
        return None
    model = open_artifact(catalog.model_path(spec.warm_start_model), verify=False)
    return warm_start(data, model, spec.algorithm)


def _about(spec: TrainingSpec, fitted: Fitted) -> Manifest:
    contents = fitted.contents
    return Manifest(
        model_id=spec.model_id,
        catalog=spec.catalog,
        algorithm=algorithm_of(spec.algorithm).name,
        spec=spec_to_json(replace(spec, algorithm=fitted.params)),
        created_ms=time.time_ns() // 1_000_000,
        dim=contents.dim,
        item_count=len(contents.items),
        user_count=len(contents.users),
        interaction_count=contents.seen.entry_count,
        losses=fitted.losses,
    )


def _published_before(spec: TrainingSpec, catalog: Catalog) -> Manifest | None:
    """Return the model that the lost run of this very training published, if it did."""
    if not catalog.model_path(spec.model_id).is_dir():
        return None
    manifest = catalog.manifest(spec.model_id)
    return manifest if is_answer_to(manifest.spec, spec) else None


def _epoch_count(spec: TrainingSpec) -> int:
    return epoch_count_of(spec.algorithm)
