"""Small models published into a data folder the way a training publishes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from shortlist.core.counts.params import PopularityParams
from shortlist.server.artifacts.artifact import ModelContents, write_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.encoding import NO_ENCODER
from shortlist.server.domain.index import IndexSpec
from shortlist.server.domain.sources import EventSource
from shortlist.server.domain.training import TrainingSpec, spec_to_json
from shortlist.server.encoders.fold_in import state_of
from shortlist.server.index.choice import build_index
from tests.server.small_models import PARAMS, small_model


def publish(
    data_dir: Path,
    model_id: str,
    *,
    dim: int = 4,
    alias: str = "",
    created_ms: int = 1,
    index: IndexSpec | None = None,
) -> Path:
    """Publish a model of 30 items and 5 users into the default catalog; dim 0: popularity.

    index: what to build; None: nothing.

    Returns its folder.
    """
    model = small_model(seed=sum(model_id.encode()), item_count=30, dim=dim or 4)
    assert model.space is not None
    contents = ModelContents(
        items=model.items,
        users=model.users,
        item_vectors=model.space.item_vectors if dim else None,
        user_vectors=model.space.user_vectors if dim else None,
        item_scores=model.item_scores,
        item_counts=np.maximum(model.item_scores, 1).astype(np.int64),
        seen=model.seen,
        encoder=state_of(PARAMS, None, None) if dim else NO_ENCODER,
    )
    spec = TrainingSpec(
        catalog="default",
        model_id=model_id,
        interactions=EventSource("events.parquet"),
        algorithm=PARAMS if dim else PopularityParams(),
    )
    manifest = Manifest(
        model_id=model_id,
        catalog="default",
        algorithm="wals" if dim else "popularity",
        spec=spec_to_json(spec),
        created_ms=created_ms,
        dim=dim,
        item_count=30,
        user_count=5,
        interaction_count=model.seen.entry_count,
    )
    catalog = Catalogs(data_dir).catalog("default")
    staged = catalog.stage(model_id)
    if index is not None:
        vectors = model.space.item_vectors, model.space.user_vectors
        manifest = replace(manifest, index=build_index(staged, *vectors, asked=index))
    write_artifact(staged, contents, manifest)
    folder = catalog.publish(staged, model_id)
    if alias:
        catalog.set_alias(alias, model_id)
    return folder
