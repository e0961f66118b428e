"""What a training is to do: plain, checked, storable as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

from shortlist.core.data.interactions import AGGREGATES, Aggregate
from shortlist.core.errors import DataInvalid, SettingInvalid, check_setting
from shortlist.core.metrics.metrics import PER_QUERY
from shortlist.core.metrics.value_errors import VALUE_ERRORS
from shortlist.server.domain.algorithms import ALGORITHMS, DEFAULT, Params, algorithm_of, with_dim
from shortlist.server.domain.index import AUTO, GRAPH, LISTS, IndexSpec
from shortlist.server.domain.names import ALIAS_DEFAULT
from shortlist.server.domain.sources import EventSource, ItemSource, UserSource
from shortlist.server.domain.tuning import CUTOFF_MAX, HELD_OUT_SPLITS, EarlyStopping, Tuning
from shortlist.server.storage.plain import from_plain, to_plain

SPLITS = (*HELD_OUT_SPLITS, "given", "none")
CUTOFFS_DEFAULT = (10, 20, 100)
CUTOFFS_MAX = 20
SUPPORT_MAX = 1_000_000
TARGET_RECALL, TARGET_RECALL_MIN = 0.98, 0.5


@dataclass(frozen=True, slots=True)
class Preparation:
    """What happens to the events between the file and the matrix, in this order."""

    value_min: float | None = None  # leave out events with a smaller value
    user_events_min: int = 0  # leave out users with fewer events, then
    item_events_min: int = 0  # items with fewer, until nothing changes
    aggregation: Aggregate = "sum"  # how several events of a pair become one value

    def __post_init__(self) -> None:
        check_setting(
            "aggregation", self.aggregation, self.aggregation in AGGREGATES, str(AGGREGATES)
        )
        for name in ("user_events_min", "item_events_min"):
            found = getattr(self, name)
            check_setting(name, found, 0 <= found <= SUPPORT_MAX, f"0 to {SUPPORT_MAX}")
        if self.value_min is not None:
            check_setting(
                "value_min", self.value_min, math.isfinite(self.value_min), "a finite number"
            )


@dataclass(frozen=True, slots=True)
class EvaluationSpec:
    """How a training is measured."""

    split: str = "auto"  # one of SPLITS
    held_out_fraction: float = 0.1  # of the events, 0 < x < 1
    unseen_user_fraction: float = 0.05  # of the users, held out whole, 0 <= x < 1
    cutoffs: tuple[int, ...] = CUTOFFS_DEFAULT  # ascending
    test_interactions: EventSource | None = None  # of split "given"
    seed: int = 0

    def __post_init__(self) -> None:
        check_setting("split", self.split, self.split in SPLITS, f"one of {', '.join(SPLITS)}")
        held_out, unseen = self.held_out_fraction, self.unseen_user_fraction
        check_setting("held_out_fraction", held_out, 0 < held_out < 1, "0 < x < 1")
        check_setting("unseen_user_fraction", unseen, 0 <= unseen < 1, "0 <= x < 1")
        check_cutoffs(self.cutoffs)
        given = self.test_interactions is not None
        check_setting(
            "test_interactions", given, given == (self.split == "given"), "with split given"
        )
        check_setting("seed", self.seed, 0 <= self.seed < 2**64, "0 to 2^64 - 1")


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """One training, every choice made."""

    catalog: str
    model_id: str
    interactions: EventSource
    items: ItemSource | None = None
    users: UserSource | None = None
    preparation: Preparation = field(default_factory=Preparation)
    algorithm: Params = field(default_factory=DEFAULT.params_type)
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)
    alias: str | None = ALIAS_DEFAULT  # moved to the model once it is published; None: none is
    request_id: str = ""  # equal ones name the same job; empty: every one is new
    early_stopping: EarlyStopping | None = None  # None: as many epochs as the algorithm says
    tuning: Tuning | None = None  # None: the settings are as given
    warm_start_model: str = ""  # begins at that model's vectors; empty: anew
    target_recall: float = TARGET_RECALL  # recall@100 an approximate search needs; 1: exact ones
    index: IndexSpec = field(default_factory=IndexSpec)

    def __post_init__(self) -> None:
        self._check_search()
        algorithm = algorithm_of(self.algorithm)
        fine = not self.warm_start_model or algorithm.starts_warm
        warm = ", ".join(name for name, algorithm in ALGORITHMS.items() if algorithm.starts_warm)
        check_setting("warm_start_model", algorithm.name, fine, f"only with {warm}")
        wanted = self.target_recall
        allowed = TARGET_RECALL_MIN <= wanted <= 1
        check_setting("target_recall", wanted, allowed, f"{TARGET_RECALL_MIN} to 1")
        self._check_index()

    def _check_index(self) -> None:
        """Check that what is asked for can be built."""
        algorithm, kind = algorithm_of(self.algorithm), self.index.kind
        asked = kind in (GRAPH, LISTS)
        fine = not asked or algorithm.dim(self.algorithm) > 0
        without = f"{AUTO} or exact with {algorithm.name}, which makes no vectors"
        check_setting("index.kind", kind, fine, without)
        fine = not asked or self.target_recall < 1
        check_setting("index.kind", kind, fine, f"{AUTO} or exact with a target_recall of 1")

    def _check_search(self) -> None:
        """Check that what is to be looked for is there to be found."""
        algorithm = algorithm_of(self.algorithm)
        stopping = self.early_stopping
        tuning = self.tuning
        tunable = ", ".join(name for name, algorithm in ALGORITHMS.items() if algorithm.tunable)
        for name, wanted in (("tuning", tuning), ("early_stopping", stopping)):
            fine = wanted is None or algorithm.tunable
            check_setting(name, algorithm.name, fine, f"only with {tunable}")
        if stopping is not None:
            fine = tuning is not None or algorithm.epoch_count(self.algorithm) > 0
            check_setting(
                "early_stopping", algorithm.name, fine, "with tuning where there are no epochs"
            )
            fine = stopping.metric not in VALUE_ERRORS or algorithm.predicts_values
            allowed = f"one of {', '.join(PER_QUERY)} with {algorithm.name}"
            check_setting("early_stopping.metric", stopping.metric, fine, allowed)
        for dim in tuning.dims if tuning else ():
            try:
                with_dim(self.algorithm, dim)
            except SettingInvalid as wrong:
                raise SettingInvalid("tuning.dims", dim, wrong.allowed) from wrong

    @property
    def item_features(self) -> tuple[str, ...]:
        """Attributes of the items that the algorithm learns from; most take none."""
        return algorithm_of(self.algorithm).item_features(self.algorithm)

    @property
    def user_features(self) -> tuple[str, ...]:
        """Attributes of the users that the algorithm learns from; most take none."""
        return algorithm_of(self.algorithm).user_features(self.algorithm)


def check_cutoffs(cutoffs: tuple[int, ...]) -> None:
    """Raise SettingInvalid unless the cut-offs ascend, 1 to 20 of them, each 1 to 1000."""
    rising = all(a < b for a, b in zip((0, *cutoffs), (*cutoffs, CUTOFF_MAX + 1), strict=True))
    allowed = f"1 to {CUTOFFS_MAX} ascending numbers from 1 to {CUTOFF_MAX}"
    check_setting("cutoffs", cutoffs, 1 <= len(cutoffs) <= CUTOFFS_MAX and rising, allowed)


def spec_to_json(spec: TrainingSpec) -> dict[str, Any]:
    """Return the spec as a JSON object; the algorithm's own name tells which one it is."""
    data = to_plain(spec)
    data["algorithm"] = {algorithm_of(spec.algorithm).name: to_plain(spec.algorithm)}
    return data


def is_answer_to(stored: object, asked: TrainingSpec) -> bool:
    """Return whether a model's spec, as JSON, is what was asked for, what was left open aside."""
    found = spec_from_json(stored)
    algorithm = asked.algorithm
    if asked.early_stopping or asked.tuning:
        return found == replace(asked, algorithm=found.algorithm)
    if type(found.algorithm) is type(algorithm):
        names = (setting.name for setting in fields(algorithm))
        open_ = {name for name in names if getattr(algorithm, name) is None}
        decided = {name: getattr(found.algorithm, name) for name in open_}
        asked = replace(asked, algorithm=replace(algorithm, **decided))
    return found == asked


def spec_from_json(data: object) -> TrainingSpec:
    """Return the spec that `spec_to_json` gave. Raises DataInvalid, SettingInvalid."""
    if not isinstance(data, dict) or not isinstance(data.get("algorithm"), dict):
        raise DataInvalid("a training spec is an object with an algorithm")
    named = data["algorithm"]
    if len(named) != 1 or next(iter(named)) not in ALGORITHMS:
        raise DataInvalid(f"algorithm is {sorted(named)}, not one of {sorted(ALGORITHMS)}")
    name, params = next(iter(named.items()))
    rest = {key: value for key, value in data.items() if key != "algorithm"}
    algorithm = from_plain(ALGORITHMS[name].params_type, params)
    return from_plain(TrainingSpec, rest, algorithm=algorithm)
