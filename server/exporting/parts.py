"""Writes an export as Parquet files of bounded size, each whole or not there.

user_id (or item_id), item_ids, scores: a row a user (or item), in the order of ids. Candidates are
those of an exact Retrieve, found in blocks by the same scan. A part that exists is not made again:
whoever is interrupted goes on where the last whole part ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from shortlist.core.data.interactions import Interactions
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.scan.scoring import TopRows
from shortlist.server.artifacts.arrow_files import ids_column
from shortlist.server.artifacts.export_files import write_rows
from shortlist.server.domain.exporting import ExportSpec
from shortlist.server.errors import QueryKindUnsupported
from shortlist.server.retrieval.encode import directions
from shortlist.server.serving.hidden import HiddenRows
from shortlist.server.serving.serving_model import ServingModel, Space
from shortlist.server.storage.durable import sync_file
from shortlist.server.storage.layout import export_part_path, export_rows_path

PAIRS_A_PART = 2_000_000  # bounds the memory: 16 MB of rows and scores
ROWS_A_PART = 65_536
_DICTIONARY_BYTES = 1 << 30  # ids are always written once a part, however many there are


@dataclass(frozen=True, slots=True)
class Written:
    """How far an export is after one of its parts."""

    row_count: int  # users or items in this part and those before
    made_count: int  # of them, made in this run
    size_bytes: int


def total_row_count(model: ServingModel, spec: ExportSpec) -> int:
    """Return how many rows an export has."""
    return len(model.users) if spec.kind == "users" else model.item_count


def write_parts(
    model: ServingModel,
    spec: ExportSpec,
    folder: Path,
    threads: int,
    pairs_a_part: int = PAIRS_A_PART,
    hidden_now: Callable[[], HiddenRows | None] = lambda: None,
) -> Iterator[Written]:
    """Write what is missing in the folder; yield after each part, also one that was there.

    pairs_a_part must be the same in every run of one export. hidden_now says before each part what
    it must not hold; a part that was there and holds such an item is made again. Raises
    QueryKindUnsupported for a model without vectors.
    """
    if model.space is None:
        problem = f"model {model.model_id} has no vectors, so it exports no candidates"
        raise QueryKindUnsupported(problem, model=model.model_id, kind="export")
    total = total_row_count(model, spec)
    step = max(1, min(ROWS_A_PART, pairs_a_part // spec.count))
    made_count = size_bytes = 0
    for place, first in enumerate(range(0, total, step)):
        last = min(first + step, total)
        path, stored = export_part_path(folder, place), export_rows_path(folder, place)
        hidden = hidden_now()
        whole = path.exists() and stored.exists()
        if not whole or (hidden is not None and _names_any(path, model.items, hidden)):
            top = _top(model, model.space, spec, first, last, threads, hidden)
            write_rows(folder, place, _stored(top, model.item_count))
            _write(path, _table(model, spec, first, last, top))
            made_count += last - first
        size_bytes += path.stat().st_size + stored.stat().st_size
        yield Written(last, made_count, size_bytes)


def _names_any(path: Path, items: Vocabulary, hidden: HiddenRows) -> bool:
    """Return whether a part that is there has a hidden item among its candidates."""
    try:
        named = parquet.read_table(path, columns=["item_ids"])["item_ids"]
    except (OSError, pa.ArrowException):
        return True  # damaged: made again
    ids = pc.unique(pc.list_flatten(named).combine_chunks())
    return bool(pc.any(pc.is_in(ids, pa.array(items.ids(hidden.rows), pa.string()))).as_py())


def _top(
    model: ServingModel,
    space: Space,
    spec: ExportSpec,
    first: int,
    last: int,
    threads: int,
    hidden: HiddenRows | None,
) -> TopRows:
    """Return the candidates of users, or the related items of items, first..last."""
    if spec.kind == "users":
        vectors = space.user_vectors[first:last]
        excluded = None if spec.include_seen else model.seen.row_range(first, last)
    else:
        own = np.arange(first, last, dtype=np.int32)
        vectors = directions(space, own).astype(np.float32)
        starts = np.arange(last - first + 1, dtype=np.int64)
        excluded = Interactions(starts, own, np.empty(len(own), np.float32), model.item_count)
    eligible = None if hidden is None else hidden.visible
    return space.scan.top(
        vectors, spec.count, eligible=eligible, excluded=excluded, threads=threads
    )


def _table(model: ServingModel, spec: ExportSpec, first: int, last: int, top: TopRows) -> pa.Table:
    """Return a part for others to read."""
    of_users = spec.kind == "users"
    names = ids_column(model.users if of_users else model.items).slice(first, last - first)
    lists = _lists(top, model.items)
    return pa.table({"user_id" if of_users else "item_id": names.cast(pa.string()), **lists})


def _stored(top: TopRows, item_count: int) -> Interactions:
    """Return a part for serving."""
    inside = np.arange(top.rows.shape[1]) < top.counts[:, None]
    starts = np.append(0, np.cumsum(top.counts)).astype(np.int64)
    return Interactions(starts, top.rows[inside], top.scores[inside], item_count)


def _lists(top: TopRows, items: Vocabulary) -> dict[str, pa.Array]:
    """Return the columns item_ids and scores, a list a row."""
    offsets = pa.array(np.append(0, np.cumsum(top.counts)).astype(np.int32))
    width = top.rows.shape[1]
    inside = np.arange(width) < top.counts[:, None]
    rows, scores = top.rows[inside], top.scores[inside]
    # Only the ids that occur, each once: Parquet then stores numbers.
    occurs = np.zeros(len(items), bool)
    occurs[rows] = True
    code = np.cumsum(occurs, dtype=np.int32) - 1
    used = ids_column(items).filter(pa.array(occurs)).cast(pa.string())
    ids = pa.DictionaryArray.from_arrays(pa.array(code[rows]), used)
    return {
        "item_ids": pa.ListArray.from_arrays(offsets, ids),
        "scores": pa.ListArray.from_arrays(offsets, pa.array(scores)),
    }


def _write(path: Path, table: pa.Table) -> None:
    beside = path.with_name(f".{path.name}")
    parquet.write_table(
        table,
        beside,
        use_dictionary=["item_ids.list.element"],
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        store_schema=False,  # readers get plain text, not Arrow's dictionaries
    )
    sync_file(beside)
    os.replace(beside, path)
    sync_file(path.parent)
