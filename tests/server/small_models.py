"""Small serving models in memory with whole-number vectors: sums are exact, ties are real."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shortlist.core.data.interactions import Interactions
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.server.encoders.fold_in import FoldInEncoder
from shortlist.server.encoders.histories import HistoryEncoder
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.serving.attributes import ItemAttributes
from shortlist.server.serving.serving_model import ServingModel, Space, rank_by_score

PARAMS = WalsParams(dim=4, epochs=1, unobserved_weight=0.1, regularization=0.01)


def item_id(row: int, prefix: str = "i") -> str:
    return f"{prefix}{row:03d}"


def user_id(row: int) -> str:
    return f"u{row:03d}"


def small_model(
    seed: int,
    item_count: int,
    user_count: int = 5,
    dim: int = 4,
    *,
    model_id: str = "small",
    prefix: str = "i",
    attributes: pa.Table | None = None,
) -> ServingModel:
    """Return a model whose item, user and popularity numbers are small whole numbers."""
    rng = np.random.default_rng(seed)
    item_vectors = rng.integers(-2, 3, size=(item_count, dim)).astype(np.float32)
    user_vectors = rng.integers(-2, 3, size=(user_count, dim)).astype(np.float32)
    counts = rng.integers(0, 4, size=item_count).astype(np.int64)
    scores = counts.astype(np.float32)
    return ServingModel(
        catalog="default",
        model_id=model_id,
        items=Vocabulary.from_strings([item_id(row, prefix) for row in range(item_count)]),
        users=Vocabulary.from_strings([user_id(row) for row in range(user_count)]),
        seen=_seen(rng, user_count, item_count),
        item_scores=scores,
        popular_rows=rank_by_score(scores),
        attributes=ItemAttributes(attributes, item_count),
        space=Space(
            dim=dim,
            item_vectors=item_vectors,
            user_vectors=user_vectors,
            scan=ItemScan(item_vectors),
            encoder=FoldInEncoder(FoldIn(item_vectors, np.maximum(counts, 1), PARAMS)),
            index=None,
        ),
    )


class Loads:
    """Makes a small model for every folder and remembers which were asked for."""

    def __init__(self, *broken: str) -> None:
        self.names: list[str] = []
        self.broken = set(broken)

    def __call__(self, folder: Path) -> ServingModel:
        self.names.append(folder.name)
        if folder.name in self.broken:
            raise ArtifactCorrupt(f"{folder.name} is broken")
        seed = sum(folder.name.encode())
        years = pa.table({"year": [(seed * row) % 7 for row in range(20)]})
        return small_model(
            seed, item_count=20, model_id=folder.name, prefix=folder.name, attributes=years
        )


def popularity_model(
    seed: int, item_count: int, user_count: int = 5, attributes: pa.Table | None = None
) -> ServingModel:
    """Return the same without vectors."""
    return replace(small_model(seed, item_count, user_count, attributes=attributes), space=None)


def with_offsets(model: ServingModel, width: int = 2) -> ServingModel:
    """Return the same model, its last coordinates declared to be biases."""
    assert model.space is not None
    vectors = model.space.item_vectors
    fold_in = FoldIn(vectors, np.ones(len(vectors), np.int64), PARAMS)
    return replace(model, space=replace(model.space, encoder=HistoryEncoder(fold_in, width)))


def all_ids(model: ServingModel) -> list[str]:
    return model.items.ids(np.arange(model.item_count, dtype=np.int32))


def seen_ids(model: ServingModel, user_row: int) -> set[str]:
    return set(model.items.ids(model.seen.row(user_row)[0]))


def _seen(rng: np.random.Generator, user_count: int, item_count: int) -> Interactions:
    most = min(3, item_count)
    rows: list[npt.NDArray[np.int64]] = [
        np.sort(rng.choice(item_count, rng.integers(0, most + 1), replace=False))
        for _ in range(user_count)
    ]
    starts = np.zeros(user_count + 1, dtype=np.int64)
    np.cumsum([len(row) for row in rows], out=starts[1:])
    columns = np.concatenate(rows).astype(np.int32)
    return Interactions(starts, columns, np.ones(len(columns), np.float32), item_count)


def space_of(model: ServingModel) -> Space:
    """Return the vectors of a model that has some."""
    assert model.space is not None
    return model.space
