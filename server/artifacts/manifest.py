"""What a published model says about itself: manifest.json, written last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shortlist.core.errors import DataInvalid
from shortlist.server.domain.algorithms import Params, algorithm_of
from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.tuning import Trial
from shortlist.server.errors import ArtifactCorrupt, FieldInvalid
from shortlist.server.storage.durable import replace_text
from shortlist.server.storage.plain import from_plain, to_plain

FORMAT_VERSION = 2
READ_VERSIONS = (1, FORMAT_VERSION)  # 1: the encoder follows from the spec (earlier.py)
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a model, as it was when it was written."""

    sha256: str  # hexadecimal digits
    bytes: int


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """One way to search, measured on stored user vectors, one at a time."""

    method: str  # exact, usearch, lists
    effort: int = 0  # usearch: candidates kept while searching; lists: lists scanned; exact: 0
    recall_at_100: float = 0.0  # share of the exact best 100 found
    microseconds: float = 0.0  # median of a query
    skipped: str = ""  # why the method was not measured; empty: it was


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The approximate index, measured against exact search on stored user vectors."""

    kind: str = "none"  # usearch, lists, or none where the model has no index
    recall_at_100: float = 0.0  # share of the exact best 100 that the index found
    query_count: int = 0  # queries measured
    connectivity: int = 0  # edges a node of the graph
    expansion_add: int = 0  # candidates kept while building
    expansion_search: int = 0  # candidates kept while searching
    build_seconds: float = 0.0  # building and measuring all that were tried
    list_count: int = 0  # of an inverted file
    probes: int = 0  # lists that a search for 100 scans
    target_recall: float = 0.0  # recall_at_100 that was asked for
    chosen: str = ""  # method of searches that leave it to the server; empty: not measured
    trials: tuple[SearchTrial, ...] = ()
    asked: bool = False  # for this kind; then it answers whatever was measured
    dtype: str = ""  # of the vectors in a graph: f32, bf16, i8
    build_threads: int = 0  # of a graph; more than one: its bits need not repeat


@dataclass(frozen=True, slots=True)
class StoredEncoder:
    """How users come to vectors, or to scores."""

    kind: str = ""  # a key of server/encoders/registry.py; empty: nobody is encoded
    settings: dict[str, Any] = field(default_factory=dict)
    arrays: tuple[str, ...] = ()  # encoder/NAME.npy


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a model but its numbers."""

    model_id: str
    catalog: str
    algorithm: str  # its name in server/domain/algorithms.py
    spec: dict[str, Any]  # spec_to_json of the training
    created_ms: int  # since 1970
    dim: int  # 0: no vectors
    item_count: int
    user_count: int
    interaction_count: int  # user-item pairs
    losses: tuple[float, ...] = ()  # after each epoch
    evaluation: Evaluation | None = None
    trials: tuple[Trial, ...] = ()  # of early stopping and tuning
    index: IndexReport = field(default_factory=IndexReport)
    training_seconds: float = 0.0  # reading to publishing
    attribute_columns: tuple[str, ...] = ()
    encoder: StoredEncoder = field(default_factory=StoredEncoder)
    files: dict[str, StoredFile] = field(default_factory=dict)  # by name, the manifest left out
    format_version: int = FORMAT_VERSION


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of the model in `folder`."""
    text = json.dumps(to_plain(manifest), indent=2, ensure_ascii=False, allow_nan=False)
    replace_text(folder / MANIFEST_NAME, text + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the model in `folder`. Raises ArtifactCorrupt."""
    path = folder / MANIFEST_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version = data.get("format_version") if isinstance(data, Mapping) else None
        if version not in READ_VERSIONS:
            readable = " and ".join(map(str, READ_VERSIONS))
            reason = f"format version {version!r}, this server reads {readable}"
            raise ArtifactCorrupt(f"{path}: {reason}", file=path)
        return from_plain(Manifest, data)
    except (OSError, ValueError, DataInvalid) as problem:
        raise ArtifactCorrupt(f"{path}: {problem}", file=path) from problem


def check_warm_start(model: Manifest, params: Params) -> None:
    """Raise FieldInvalid unless a training of these params can begin at a model's vectors."""
    algorithm = algorithm_of(params)
    dim = algorithm.dim(params)
    if model.algorithm != algorithm.name or model.dim != dim:
        what = f"{model.model_id} is a model of {model.algorithm} with dim {model.dim}"
        problem = f"{what}; wanted is one of {algorithm.name} with dim {dim}"
        raise FieldInvalid("warm_start_model", problem, found=model.model_id)
