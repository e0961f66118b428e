"""One whole model ready to answer: artifact, scan, fold-in and index; immutable once made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from shortlist.core.counts.segments import SegmentScores
from shortlist.core.data.interactions import FloatArray, IntArray, Interactions
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.artifacts.artifact import Artifact, open_artifact
from shortlist.server.artifacts.export_files import EXPORTS_NAME
from shortlist.server.artifacts.hidden import HiddenItems
from shortlist.server.domain.index import EXACT
from shortlist.server.encoders.encoder import Encoder, Scorer
from shortlist.server.encoders.registry import open_encoder
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.index.approximate import ApproximateIndex
from shortlist.server.index.graph import GraphIndex
from shortlist.server.index.lists import ListIndex
from shortlist.server.serving.attributes import ItemAttributes
from shortlist.server.serving.hidden import HiddenRows, rows_of_hidden
from shortlist.server.serving.made_once import MadeOnce
from shortlist.server.serving.precomputed import StoredExports
from shortlist.server.serving.user_features import UserFeatures

DAMPED_MAX = 2  # exponents of popularity damping whose scaled items are kept


@dataclass(frozen=True, slots=True)
class Space:
    """The vector space of a model that has one."""

    dim: int
    item_vectors: FloatArray  # (items, dim)
    user_vectors: FloatArray  # (users, dim)
    scan: ItemScan
    encoder: Encoder
    index: ApproximateIndex | None
    index_pays: bool | None = None  # whether AUTO asks the index; None: it was not measured
    index_asked: bool = False  # for, by the training

    @property
    def offset_width(self) -> int:
        """Last coordinates, which hold biases and no direction."""
        return self.encoder.offset_width


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
    scorer: Scorer | None = None  # of a model that scores without vectors
    user_features: UserFeatures | None = None  # of a model that knows more of users than events
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
        rows = self._hidden.get(hidden, lambda: rows_of_hidden(self.items, self.item_count, hidden))
        return rows if len(rows.rows) else None

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
        folder.parent.parent / EXPORTS_NAME,
        manifest.model_id,
        manifest.created_ms,
        manifest.user_count,
        manifest.item_count,
    )
    return replace(serving_model(artifact), exports=exports)


def serving_model(artifact: Artifact) -> ServingModel:
    """Prepare an opened artifact for serving. Raises ArtifactCorrupt for an unknown encoder."""
    manifest = artifact.manifest
    try:
        encoder = open_encoder(artifact.encoder, artifact)
    except (DataInvalid, SettingInvalid, KeyError) as problem:
        raise ArtifactCorrupt(f"model {manifest.model_id}: {problem}") from problem
    return ServingModel(
        catalog=manifest.catalog,
        model_id=manifest.model_id,
        items=artifact.items,
        users=artifact.users,
        seen=artifact.seen,
        item_scores=artifact.item_scores,
        popular_rows=rank_by_score(artifact.item_scores),
        space=None if isinstance(encoder, Scorer) else _space(artifact, encoder),
        attributes=ItemAttributes(artifact.attributes, manifest.item_count),
        scorer=encoder if isinstance(encoder, Scorer) else None,
        user_features=_user_features(artifact),
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


def _space(artifact: Artifact, encoder: Encoder | None) -> Space | None:
    vectors, users = artifact.item_vectors, artifact.user_vectors
    if vectors is None or users is None or encoder is None:
        return None
    report = artifact.manifest.index
    index: ApproximateIndex | None = None
    if artifact.lists is not None:
        index = ListIndex(vectors, artifact.lists, report.probes)
    elif artifact.index_path is not None:
        index = GraphIndex(artifact.index_path, vectors, report.expansion_search)
    return Space(
        dim=vectors.shape[1],
        item_vectors=vectors,
        user_vectors=users,
        scan=ItemScan(vectors, artifact.quantized, trusted=True),
        encoder=encoder,
        index=index,
        index_pays=report.chosen != EXACT if report.chosen else None,
        index_asked=report.asked,
    )


def _user_features(artifact: Artifact) -> UserFeatures | None:
    if artifact.user_schema is None:
        return None
    return UserFeatures(artifact.user_schema, artifact.user_features)
