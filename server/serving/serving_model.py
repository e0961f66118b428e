"""One whole model ready to answer: artifact, scan, fold-in and index; immutable once made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from shortlist.core.counts.segments import SegmentScores
from shortlist.core.data.interactions import FloatArray, IntArray, Interactions
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.wals.fold_in import FoldIn
from shortlist.server.artifacts.artifact import Artifact, open_artifact
from shortlist.server.artifacts.hidden import HiddenItems
from shortlist.server.artifacts.manifest import EXACT
from shortlist.server.domain.training import spec_from_json
from shortlist.server.index.approximate import ApproximateIndex
from shortlist.server.index.graph import GraphIndex
from shortlist.server.index.lists import ListIndex
from shortlist.server.retrieval.user_prior import UserPrior
from shortlist.server.serving.attributes import ItemAttributes
from shortlist.server.serving.hidden import HiddenRows, rows_of_hidden
from shortlist.server.serving.made_once import MadeOnce
from shortlist.server.serving.precomputed import StoredExports
from shortlist.server.storage.layout import catalog_of_model, exports_folder
from shortlist.server.trainers.registry import algorithm_of
from shortlist.server.trainers.trainer import HistoryEncoder, HistoryScorer

DAMPED_MAX = 2  # exponents of popularity damping whose scaled items are kept


@dataclass(frozen=True, slots=True)
class Space:
    """The vector space of a model that has one."""

    dim: int
    offset_width: int  # last coordinates, which hold biases and no direction
    item_vectors: FloatArray  # (items, dim)
    user_vectors: FloatArray  # (users, dim)
    scan: ItemScan
    fold_in: HistoryEncoder
    index: ApproximateIndex | None
    index_pays: bool | None = None  # whether AUTO asks the index; None: it was not measured
    user_prior: UserPrior | None = None  # where histories are folded in from; None: from 0


@dataclass(frozen=True, slots=True)
class Segmented:
    """What is popular in segments of users, of a model that was told them."""

    ids: Vocabulary
    users: Interactions  # users x segments: one entry a user, none where nothing is known
    scores: SegmentScores


@dataclass(frozen=True, slots=True)
class ServingModel:
    """What a request takes one reference to and keeps; rows are places in `items` and `users`."""

    catalog: str
    model_id: str
    items: Vocabulary
    users: Vocabulary
    seen: Interactions  # user rows x item columns, aggregated values
    item_scores: FloatArray  # (items,) popularity
    popular_rows: IntArray  # (items,) every item, most popular first, ties by row
    space: Space | None  # None: a model without vectors
    attributes: ItemAttributes  # what is known about the items
    scorer: HistoryScorer | None = None  # of a model that scores by neighbours
    segments: Segmented | None = None
    exports: StoredExports | None = None  # None: not opened from a catalog
    # What only some requests need; a changed copy begins without.
    damped: MadeOnce[ServingModel] = field(
        init=False, compare=False, default_factory=lambda: MadeOnce(DAMPED_MAX)
    )
    user_scan: MadeOnce[ItemScan] = field(
        init=False, compare=False, default_factory=lambda: MadeOnce(1)
    )

    _hidden: MadeOnce[HiddenRows] = field(
        init=False, compare=False, default_factory=lambda: MadeOnce(1)
    )

    def hidden_rows(self, hidden: HiddenItems | None) -> HiddenRows | None:
        """Return which rows are hidden, worked out once a change; None: none is."""
        if hidden is None:
            return None
        found = self._hidden.get(
            hidden, lambda: rows_of_hidden(self.items, self.item_count, hidden)
        )
        return found if len(found.rows) else None

    @property
    def item_count(self) -> int:
        """Items this model can return."""
        return len(self.item_scores)


def load_serving_model(folder: Path) -> ServingModel:
    """Open, check and prepare the model in `folder`; takes a pass over its bytes.

    Raises ArtifactCorrupt when the stored files fail their checks.
    """
    artifact = open_artifact(folder)
    manifest = artifact.manifest
    exports = StoredExports(
        exports_folder(catalog_of_model(folder)),
        *(manifest.model_id, manifest.created_ms, manifest.user_count, manifest.item_count),
    )
    return replace(serving_model(artifact), exports=exports)


def serving_model(artifact: Artifact) -> ServingModel:
    """Prepare an opened artifact for serving."""
    manifest = artifact.manifest
    params = spec_from_json(manifest.spec).algorithm
    return ServingModel(
        catalog=manifest.catalog,
        model_id=manifest.model_id,
        items=artifact.items,
        users=artifact.users,
        seen=artifact.seen,
        item_scores=artifact.item_scores,
        popular_rows=rank_by_score(artifact.item_scores),
        space=_space(artifact),
        attributes=ItemAttributes(artifact.attributes, manifest.item_count),
        scorer=algorithm_of(params).scorer(params, artifact.seen, artifact.neighbours),
        segments=_segmented(artifact),
    )


def rank_by_score(scores: FloatArray) -> IntArray:
    """Return the rows by falling score; rows are in id order, so a stable sort ties by id."""
    return np.argsort(-scores, kind="stable").astype(np.int32)


def _segmented(artifact: Artifact) -> Segmented | None:
    if artifact.segments is None or artifact.segment_scores is None:
        return None
    scores = SegmentScores(artifact.segment_scores, artifact.item_scores)
    return Segmented(artifact.segments.ids, artifact.segments.users, scores)


def _space(artifact: Artifact) -> Space | None:
    vectors, users = artifact.item_vectors, artifact.user_vectors
    if vectors is None or users is None:
        return None
    params = spec_from_json(artifact.manifest.spec).algorithm
    report = artifact.manifest.index
    index: ApproximateIndex | None = None
    if artifact.lists is not None:
        index = ListIndex(vectors, artifact.lists, report.probes)
    elif artifact.index_path is not None:
        index = GraphIndex(artifact.index_path, vectors, report.expansion_search)
    encoder = algorithm_of(params).encoder(
        params, vectors, artifact.item_counts, artifact.history_vectors
    )
    return Space(
        dim=vectors.shape[1],
        offset_width=algorithm_of(params).offset_width,
        item_vectors=vectors,
        user_vectors=users,
        scan=ItemScan(vectors, artifact.quantized, trusted=True),
        fold_in=encoder,
        index=index,
        index_pays=report.chosen != EXACT if report.chosen else None,
        user_prior=_user_prior(artifact, encoder),
    )


def _user_prior(artifact: Artifact, encoder: HistoryEncoder) -> UserPrior | None:
    if artifact.user_map is None:
        return None
    assert isinstance(encoder, FoldIn), "only wals draws users"
    return UserPrior(artifact.user_map, artifact.user_features, encoder)
