"""Finds the number of epochs, and better settings, on events held out of the training.

The first trial is of the settings given. Then half of the trials spread evenly over the space
(Roberts' R sequence) and half are steps from the best so far, ever smaller. A trial stops after
`patience` epochs without a better value, and at epochs 2, 4, 8, ... unless it belongs to the better
half of all trials at that epoch: asynchronous successive halving (Li et al., MLSys 2020). Every
trial starts anew, because the number of epochs is part of what is looked for.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from shortlist.core.data.interactions import Events, build_interactions
from shortlist.core.errors import SingularSystem, TrainingDiverged
from shortlist.core.metrics.value_errors import VALUE_ERRORS
from shortlist.core.progress import Epoch
from shortlist.server.domain.algorithms import Params, epoch_count_of, with_dim
from shortlist.server.domain.training import EvaluationSpec, TrainingSpec
from shortlist.server.domain.tuning import HELD_OUT_SPLITS, EarlyStopping, Trial, Tuning
from shortlist.server.evaluation.holdout import hold_out
from shortlist.server.trainers.registry import trainer_of
from shortlist.server.trainers.trainer import TrainingData, TunableTrainer
from shortlist.server.trainers.tuning_space import Point, TuningSpace
from shortlist.server.training.prepare import PreparedData
from shortlist.server.training.progress import Progress
from shortlist.server.training.validation import Validation

RIVALS_MIN = 4  # trials at an epoch before any is stopped for being worse
STEPS = 0.2, 0.05  # deviation of a step on each axis, first and last


def tune(
    spec: TrainingSpec, data: PreparedData, events: Events, progress: Progress, threads: int
) -> tuple[TrainingSpec, tuple[Trial, ...]]:
    """Return the spec with what was found in place, and the trials; of `events` some are held out.

    A spec without early stopping and tuning comes back as it is. Raises TrainingCancelled,
    DataSourceInvalid where nothing can be held out, what the trainer raises at the settings given.
    """
    if spec.early_stopping is None and spec.tuning is None:
        return spec, ()
    stopping = spec.early_stopping or EarlyStopping()
    tuning = spec.tuning or Tuning(trials=1)
    trials = _Trials(spec, stopping, tuning, data, events, progress, threads)
    trials.run(trials.space.start())
    _look_around(trials, tuning)
    for dim in tuning.dims:
        trials.run(with_dim(trials.best_params(), dim))
    best = trials.best()
    chosen = tuple(replace(trial, chosen=at == best) for at, trial in enumerate(trials.done))
    return replace(spec, algorithm=trials.found(best)), chosen


def _look_around(trials: _Trials, tuning: Tuning) -> None:
    """Run all trials of settings but the first."""
    rng = np.random.default_rng(tuning.seed)
    axes = trials.space.axes
    first = rng.random(axes)
    count = tuning.trials - 1
    spread = (count + 1) // 2
    for at in range(spread):
        trials.run(trials.space.params((first + at * _irrational(axes)) % 1))
    for at in range(count - spread):
        share = at / max(count - spread - 1, 1)
        deviation = STEPS[0] * (STEPS[1] / STEPS[0]) ** share
        centre = trials.space.point(trials.best_params())
        trials.run(trials.space.params(centre + deviation * rng.standard_normal(axes)))


def _irrational(axes: int) -> Point:
    """Return steps whose multiples fill a cube evenly: powers of 1 / the root of x^(n+1) = x + 1.

    Roberts 2018, "The unreasonable effectiveness of quasirandom sequences".
    """
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (axes + 1))
    return root ** -np.arange(1.0, axes + 1)


class _TrialEnded(Exception):
    """More epochs of a trial would tell nothing."""


class _Trials:
    """The trials so far; runs the next."""

    def __init__(
        self,
        spec: TrainingSpec,
        stopping: EarlyStopping,
        tuning: Tuning,
        data: PreparedData,
        events: Events,
        progress: Progress,
        threads: int,
    ) -> None:
        split = stopping.split
        if split == "auto" and spec.evaluation.split in HELD_OUT_SPLITS:
            split = spec.evaluation.split
        how = EvaluationSpec(split, stopping.held_out_fraction, 0.0, seed=stopping.seed)
        shape = (len(data.users), len(data.items))
        aggregate = spec.preparation.aggregation
        holdout = hold_out(events, *shape, how, aggregate)
        train = events if holdout is None else holdout.train
        seen = build_interactions(train, *shape, aggregate, threads)
        held_out = seen if holdout is None else holdout.test.known
        metric = stopping.metric, stopping.cutoff
        of_items, of_users = data.feature_values
        placed = of_items is not None  # then items without events can be found too
        self._validation = Validation(seen, held_out, *metric, threads, all_placed=placed)
        self._data = TrainingData(train, seen, item_features=of_items, user_features=of_users)
        self._patience, self._progress, self._threads = stopping.patience, progress, threads
        self._count = tuning.trials + len(tuning.dims)
        self._sign = -1 if stopping.metric in VALUE_ERRORS else 1
        trainer = trainer_of(spec.algorithm)
        assert isinstance(trainer, TunableTrainer), "the spec checks this"
        self._trainer = trainer
        self.space: TuningSpace[Params] = trainer.tuning_space(spec.algorithm, seen)
        self.done: list[Trial] = []
        self.params: list[Params] = []

    def best(self) -> int:
        """Return the place of the best trial, the first of equals."""
        worth = [self._sign * trial.quality if trial.epochs else -np.inf for trial in self.done]
        return int(np.argmax(worth))

    def best_params(self) -> Params:
        return self.params[self.best()]

    def found(self, number: int) -> Params:
        """Return the settings of a trial with its number of epochs."""
        params = self.params[number]
        if not epoch_count_of(params):
            return params
        changed: Any = params  # every algorithm that counts epochs has them as a setting
        best: Params = replace(changed, epochs=self.done[number].epochs)
        return best

    def run(self, params: Params) -> None:
        """Train and measure; a training that diverges is worth nothing, but for the first."""
        started = time.perf_counter()
        qualities = list[float]()

        def measure(epoch: Epoch) -> None:
            assert epoch.vectors is not None
            qualities.append(self._validation.quality(*epoch.vectors()))
            self._progress.epoch(epoch)
            if self._is_settled(qualities):
                raise _TrialEnded

        number = len(self.done) + 1
        best = self.done[self.best()].quality if self.done else 0.0
        epoch_count = epoch_count_of(params)
        self._progress.start_trial(number, self._count, best, epoch_count)
        try:
            learned = self._trainer.fit(self._data, params, threads=self._threads, on_epoch=measure)
            if not epoch_count:
                assert learned.user_vectors is not None
                assert learned.item_vectors is not None
                vectors = learned.user_vectors, learned.item_vectors
                qualities.append(self._validation.quality(*vectors))
        except _TrialEnded:
            pass
        except (TrainingDiverged, SingularSystem):
            if not self.done:
                raise
        epochs = self._best_epoch(qualities) if qualities else 0
        quality = qualities[epochs - 1] if qualities else 0.0
        seconds = time.perf_counter() - started
        settings = self.space.settings(params)
        self.done.append(Trial(settings, epochs, quality, tuple(qualities), seconds))
        self.params.append(params)

    def _is_settled(self, qualities: list[float]) -> bool:
        """Say whether a trial has passed its best, or is among the worse half at a rung."""
        epoch = len(qualities)
        if epoch - self._best_epoch(qualities) >= self._patience:
            return True
        if epoch < 2 or epoch & (epoch - 1):
            return False
        rivals = [
            trial.qualities[epoch - 1] for trial in self.done if len(trial.qualities) >= epoch
        ]
        behind = self._sign * (qualities[-1] - float(np.median(rivals or [0.0])))
        return len(rivals) >= RIVALS_MIN and behind < 0

    def _best_epoch(self, qualities: list[float]) -> int:
        """Return the first epoch, from 1, with the best of at least one quality."""
        return int(np.argmax(self._sign * np.array(qualities))) + 1
