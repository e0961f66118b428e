"""Hands out the graph of a model with the ids of its items, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TypeAlias

import numpy as np

from shortlist.server.artifacts.artifact import INDEX, open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.index import GRAPH
from shortlist.server.errors import IndexMissing, Overloaded
from shortlist.server.index.graph import METRICS

PIECE_BYTES = 1 << 20
PIECE_IDS = 4096  # of at most 512 bytes: two MiB, where gRPC's default limit is four


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """What an exported graph is."""

    model_id: str
    item_count: int
    dim: int  # of the vectors in the graph
    metric: str  # l2sq, cos
    dtype: str
    connectivity: int
    expansion_add: int
    expansion_search: int
    size_bytes: int
    sha256: str  # hexadecimal digits


IndexPiece: TypeAlias = "IndexHeader | list[str] | bytes"  # one header, then ids, then the file


class IndexExports:
    """Reads graphs from the data folder; may be called from any thread."""

    def __init__(self, catalogs: Catalogs, at_once_max: int) -> None:
        self._catalogs = catalogs
        self._limit = at_once_max
        self._free = BoundedSemaphore(at_once_max)

    def export(self, catalog: str, name: str) -> Iterator[IndexPiece]:
        """Yield the graph of the model that an id or alias names.

        Raises CatalogNotFound, ModelNotFound, ArtifactCorrupt, Overloaded, and IndexMissing where
        the model has no graph.
        """
        if not self._free.acquire(blocking=False):
            problem = f"{self._limit} exports of indexes are running, which is the limit"
            raise Overloaded(problem, limit=self._limit)
        try:
            yield from self._pieces(catalog, name)
        finally:
            self._free.release()

    def _pieces(self, catalog: str, name: str) -> Iterator[IndexPiece]:
        store = self._catalogs.catalog(catalog, must_exist=True)
        model_id = store.resolve(name)
        artifact = open_artifact(store.model_path(model_id), verify=False)
        report, path = artifact.manifest.index, artifact.index_path
        if path is None:
            problem = f"model {model_id} has no graph (its index: {report.kind}); train one with"
            raise IndexMissing(
                f"{problem} index.kind {GRAPH} (shortlist train --index {GRAPH})",
                model=model_id,
                kind=report.kind,
            )
        stored, dtype = artifact.manifest.files[INDEX], report.dtype or "f32"
        with path.open("rb") as file:  # before the first piece: it may be deleted meanwhile
            yield IndexHeader(
                model_id=model_id,
                item_count=len(artifact.items),
                dim=artifact.manifest.dim + 1,
                metric=METRICS[dtype].name.lower(),
                dtype=dtype,
                connectivity=report.connectivity,
                expansion_add=report.expansion_add,
                expansion_search=report.expansion_search,
                size_bytes=stored.bytes,
                sha256=stored.sha256,
            )
            for first in range(0, len(artifact.items), PIECE_IDS):
                last = min(first + PIECE_IDS, len(artifact.items))
                yield artifact.items.ids(np.arange(first, last, dtype=np.int32))
            while piece := file.read(PIECE_BYTES):
                yield piece
