"""Contents of small models to write, and the specs and events behind small trainings."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from shortlist.core.counts.params import PopularityParams
from shortlist.core.data.interactions import Events, build_interactions
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.artifact import ModelContents
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.algorithms import algorithm_of
from shortlist.server.domain.sources import EventSource
from shortlist.server.domain.training import EvaluationSpec, TrainingSpec, spec_to_json


def small_contents(item_count: int = 7, user_count: int = 4, dim: int = 3) -> ModelContents:
    """Return a model of random numbers; dim 0: one without vectors."""
    rng = np.random.default_rng(item_count + 10 * user_count + 100 * dim)
    ids = [f"item-{'é' * (i % 3)}{i}" for i in range(item_count)]
    pairs = 2 * user_count if item_count else 0
    events = Events(
        rng.integers(0, max(1, user_count), pairs).astype(np.int32),
        rng.integers(0, max(1, item_count), pairs).astype(np.int32),
        rng.normal(size=pairs).astype(np.float32),
    )
    vectors = [rng.normal(size=(n, dim)).astype(np.float32) for n in (item_count, user_count)]
    return ModelContents(
        items=Vocabulary.from_strings(ids),
        users=Vocabulary.from_strings(f"u{i}" for i in range(user_count)),
        item_vectors=vectors[0] if dim else None,
        user_vectors=vectors[1] if dim else None,
        item_scores=rng.random(item_count).astype(np.float32),
        item_counts=rng.integers(0, 9, item_count),
        seen=build_interactions(events, user_count, item_count),
        attributes=pa.table({"year": pa.array(range(item_count)), "city": ["Bonn"] * item_count}),
    )


def small_spec(
    path: Path | str = "events.parquet", model_id: str = "m1", **changes: object
) -> TrainingSpec:
    """Return a training of a few cheap epochs, measured on a tenth."""
    given: dict[str, object] = {
        "catalog": "default",
        "model_id": model_id,
        "interactions": EventSource(str(path)),
        "algorithm": WalsParams(dim=8, epochs=2),
        "evaluation": EvaluationSpec(cutoffs=(5, 10), unseen_user_fraction=0.1),
    }
    return TrainingSpec(**(given | changes))  # type: ignore[arg-type]


def long_spec(path: Path) -> TrainingSpec:
    """Return a training of many small epochs, time enough to be killed in the middle."""
    return small_spec(path, algorithm=WalsParams(dim=8, epochs=1000))


def about(model_id: str = "m1", created_ms: int = 1, spec: TrainingSpec | None = None) -> Manifest:
    """Return a manifest before its model is written."""
    spec = spec or small_spec(model_id=model_id, algorithm=PopularityParams())
    return Manifest(
        *(model_id, "default", algorithm_of(spec.algorithm).name, spec_to_json(spec), created_ms),
        *(0, 0, 0, 0),
    )


def write_events(
    path: Path, user_count: int = 60, item_count: int = 40, timed: bool = True, seed: int = 0
) -> Path:
    """Write events of users with two tastes: even users like even items. Returns the path."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(user_count), 12)
    popularity = 1 / np.arange(1, item_count // 2 + 1)
    liked = rng.choice(item_count // 2, len(users), p=popularity / popularity.sum())
    columns = {
        "user": [f"u{user}" for user in users],
        "item": [f"i{2 * item + user % 2}" for item, user in zip(liked, users, strict=True)],
    }
    table = pa.table(columns)
    if timed:
        times = pa.array(rng.permutation(len(users)) * 60_000 + 1_600_000_000_000)
        table = table.append_column("timestamp", times.cast(pa.timestamp("ms")))
    parquet.write_table(table, path)
    return path
