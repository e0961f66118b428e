"""A published model's numbers: Arrow files written once, then mapped and never changed.

items.arrow  id, embedding, score (popularity), count (users who have it); row order
users.arrow  id, embedding, and where the training had any: segment (row of segments.arrow),
             features (rows of user_schema.arrow with values)
seen.arrow   a row a user: what it was trained on, as list of (item row, value)
attributes.arrow  a row an item, where the training had any
neighbours.arrow  a row an item: the items alike, as list of (item row, similarity), where there are
segments.arrow  id, score: what is popular in it, as list of (item row, popularity), where there are
item_schema.arrow, user_schema.arrow  a row a feature: what it is, where the training asked for any
encoder/*.npy  what the encoder has beside the items' vectors; its kind is in the manifest
item_slots.npy, user_slots.npy  hash tables over the id columns, so that opening hashes nothing
item_codes.npy, item_scales.npy  the int8 copy of the vectors, where the model has some
index.usearch, or list_*.npy  the approximate index: a graph, or an inverted file

Models of format version 1 have their encoders elsewhere: earlier.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from shortlist.core.counts.segments import UserSegments
from shortlist.core.data.interactions import FloatArray, Interactions, LongArray
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.scan.inverted_file import InvertedFile
from shortlist.core.scan.quantization import Quantized, quantize
from shortlist.server.artifacts import arrow_files, earlier
from shortlist.server.artifacts.code_files import CODES, list_file, map_codes, map_lists
from shortlist.server.artifacts.encoder_files import map_encoder, write_encoder
from shortlist.server.artifacts.manifest import (
    MANIFEST_NAME,
    Manifest,
    StoredFile,
    read_manifest,
    write_manifest,
)
from shortlist.server.artifacts.segment_files import read_segments, segment_column, segments_table
from shortlist.server.domain.encoding import NO_ENCODER, EncoderState
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.features.schema import FeatureSchema
from shortlist.server.features.stored import schema_of_table, schema_to_table
from shortlist.server.storage.durable import sha256_of, sync_tree

ITEMS, USERS, SEEN = "items.arrow", "users.arrow", "seen.arrow"
ATTRIBUTES, NEIGHBOURS, SEGMENTS = "attributes.arrow", "neighbours.arrow", "segments.arrow"
ITEM_SCHEMA, USER_SCHEMA = "item_schema.arrow", "user_schema.arrow"
INDEX = "index.usearch"
ITEM_SLOTS, USER_SLOTS = "item_slots.npy", "user_slots.npy"


@dataclass(frozen=True, slots=True)
class ModelContents:
    """What a training makes; vectors, scores and attributes are in the order of the ids."""

    items: Vocabulary
    users: Vocabulary
    item_vectors: FloatArray | None  # (items, dim); None: the model has no vectors
    user_vectors: FloatArray | None  # (users, dim)
    item_scores: FloatArray  # (items,) popularity
    item_counts: LongArray  # (items,) users who have it
    seen: Interactions  # users x items, aggregated raw values
    encoder: EncoderState = NO_ENCODER  # how users come to vectors, or to scores
    attributes: pa.Table | None = None  # a row an item
    neighbours: Interactions | None = None  # items x items, similarities
    segments: UserSegments | None = None
    segment_scores: Interactions | None = None  # segments x items, popularity; set with segments
    item_schema: FeatureSchema | None = None  # by which items are placed; None: by events alone
    user_schema: FeatureSchema | None = None  # by which users are
    user_features: Interactions | None = None  # users x features of the schema, where there is one

    @property
    def dim(self) -> int:
        return 0 if self.item_vectors is None else self.item_vectors.shape[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact(ModelContents):
    """An opened model; its arrays are read-only views of the mapped files."""

    manifest: Manifest
    quantized: Quantized | None  # the int8 copy of the item vectors
    lists: InvertedFile | None  # the index, where it is an inverted file
    index_path: Path | None  # the index, where it is a graph


def write_artifact(folder: Path, contents: ModelContents, about: Manifest) -> Manifest:
    """Write a model into its folder, beside the index that may be there, and sync everything.

    Counts, columns and checksums of the manifest are filled in here. Returns it as written.
    """
    items, users = contents.items, contents.users
    columns = {"id": arrow_files.ids_column(items)}
    user_columns = {"id": arrow_files.ids_column(users)}
    if contents.item_vectors is not None and contents.user_vectors is not None:
        columns["embedding"] = arrow_files.vectors_column(contents.item_vectors)
        user_columns["embedding"] = arrow_files.vectors_column(contents.user_vectors)
    if contents.segments is not None and contents.segment_scores is not None:
        user_columns["segment"] = segment_column(contents.segments.users)
        table = segments_table(contents.segments.ids, contents.segment_scores)
        arrow_files.write_table(folder / SEGMENTS, table)
    if contents.user_features is not None:
        user_columns["features"] = arrow_files.seen_column(contents.user_features)
    columns |= {"score": pa.array(contents.item_scores), "count": pa.array(contents.item_counts)}
    arrow_files.write_table(folder / ITEMS, pa.table(columns))
    arrow_files.write_table(folder / USERS, pa.table(user_columns))
    seen = {"seen": arrow_files.seen_column(contents.seen)}
    arrow_files.write_table(folder / SEEN, pa.table(seen))
    attributes = contents.attributes
    if attributes is not None and attributes.num_columns:
        arrow_files.write_table(folder / ATTRIBUTES, attributes)
    if contents.neighbours is not None:
        near = {"neighbours": arrow_files.seen_column(contents.neighbours)}
        arrow_files.write_table(folder / NEIGHBOURS, pa.table(near))
    for name, of_side in ((ITEM_SCHEMA, contents.item_schema), (USER_SCHEMA, contents.user_schema)):
        if of_side is not None:
            arrow_files.write_table(folder / name, schema_to_table(of_side))
    encoder = write_encoder(folder, contents.encoder)
    np.save(folder / ITEM_SLOTS, items.slots)
    np.save(folder / USER_SLOTS, users.slots)
    below = (path for path in folder.rglob("*") if path.is_file())
    stored = {path.relative_to(folder).as_posix(): path for path in sorted(below)}
    stored.pop(MANIFEST_NAME, None)
    manifest = replace(
        about,
        dim=contents.dim,
        item_count=len(items),
        user_count=len(users),
        interaction_count=contents.seen.entry_count,
        attribute_columns=tuple(attributes.column_names) if attributes is not None else (),
        encoder=encoder,
        files={
            name: StoredFile(sha256_of(path), path.stat().st_size) for name, path in stored.items()
        },
    )
    write_manifest(folder, manifest)
    sync_tree(folder)
    return manifest


def open_artifact(folder: Path, verify: bool = True) -> Artifact:
    """Map the model in `folder`; milliseconds apart from `verify`'s pass over its bytes.

    Raises ArtifactCorrupt when version, sizes, counts, dimensions or (verify) checksums are wrong.
    """
    manifest = read_manifest(folder)
    _check_files(folder, manifest, verify)
    try:
        artifact = _mapped(folder, manifest)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        DataInvalid,
        SettingInvalid,
    ) as problem:
        raise ArtifactCorrupt(f"{folder}: {problem}", file=folder) from problem
    _check_counts(folder, artifact)
    return artifact


def _mapped(folder: Path, manifest: Manifest) -> Artifact:
    items = arrow_files.map_table(folder / ITEMS)
    users = arrow_files.map_table(folder / USERS)
    seen = arrow_files.one_chunk(arrow_files.map_table(folder / SEEN), "seen")
    has_vectors = manifest.dim > 0
    known = manifest.files
    item_vectors = _vectors(items) if has_vectors else None
    segments = None
    segment_scores = None
    user_features = None
    if SEGMENTS in known:
        segments, segment_scores = read_segments(folder / SEGMENTS, users, items.num_rows)
    if manifest.format_version == 1:
        encoder, item_schema, user_schema = earlier.encoder_and_schemas(folder, manifest, items)
    else:
        encoder = map_encoder(folder, manifest.encoder)
        item_schema, user_schema = (
            schema_of_table(arrow_files.map_table(folder / name)) if name in known else None
            for name in (ITEM_SCHEMA, USER_SCHEMA)
        )
    if user_schema is not None and "features" in users.column_names:
        column = arrow_files.one_chunk(users, "features")
        user_features = arrow_files.seen_of(column, len(user_schema))
    return Artifact(
        manifest=manifest,
        items=_vocabulary(items, folder / ITEM_SLOTS),
        users=_vocabulary(users, folder / USER_SLOTS),
        item_vectors=item_vectors,
        user_vectors=_vectors(users) if has_vectors else None,
        item_scores=arrow_files.numbers_of(arrow_files.one_chunk(items, "score"), np.float32),
        item_counts=arrow_files.numbers_of(arrow_files.one_chunk(items, "count"), np.int64),
        seen=arrow_files.seen_of(seen, items.num_rows),
        encoder=encoder,
        attributes=arrow_files.map_table(folder / ATTRIBUTES) if ATTRIBUTES in known else None,
        neighbours=_neighbours(folder / NEIGHBOURS) if NEIGHBOURS in known else None,
        segments=segments,
        segment_scores=segment_scores,
        item_schema=item_schema,
        user_schema=user_schema,
        user_features=user_features,
        quantized=None if item_vectors is None else _quantized(folder, manifest, item_vectors),
        lists=map_lists(folder, manifest.dim) if list_file("rows") in known else None,
        index_path=folder / INDEX if INDEX in known else None,
    )


def _vocabulary(table: pa.Table, slots: Path) -> Vocabulary:
    mapped = np.load(slots, mmap_mode="r", allow_pickle=False)
    return arrow_files.vocabulary_of(arrow_files.one_chunk(table, "id"), mapped)


def _quantized(folder: Path, manifest: Manifest, item_vectors: FloatArray) -> Quantized:
    """Map the int8 copy; models published before there was one get theirs now."""
    if CODES not in manifest.files:
        return quantize(item_vectors)
    return map_codes(folder, *item_vectors.shape)


def _neighbours(path: Path) -> Interactions:
    table = arrow_files.map_table(path)
    return arrow_files.seen_of(arrow_files.one_chunk(table, "neighbours"), table.num_rows)


def _vectors(table: pa.Table) -> FloatArray:
    return arrow_files.vectors_of(arrow_files.one_chunk(table, "embedding"))


def _check_files(folder: Path, manifest: Manifest, verify: bool) -> None:
    for name in (ITEMS, USERS, SEEN, ITEM_SLOTS, USER_SLOTS):
        if name not in manifest.files:
            raise ArtifactCorrupt(f"{folder}: the manifest lists no {name}", file=folder / name)
    for name, stored in manifest.files.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size != stored.bytes:
            problem = "is missing" if size is None else f"has {size} bytes"
            raise ArtifactCorrupt(f"{path} {problem}, not {stored.bytes} bytes", file=path)
        if verify and sha256_of(path) != stored.sha256:
            raise ArtifactCorrupt(f"{path} has another checksum than its manifest", file=path)


def _check_counts(folder: Path, artifact: Artifact) -> None:
    manifest = artifact.manifest
    items, users, dim = manifest.item_count, manifest.user_count, manifest.dim
    shapes = {
        "items": (len(artifact.items), items),
        "users": (len(artifact.users), users),
        "item scores": (len(artifact.item_scores), items),
        "seen rows": (artifact.seen.row_count, users),
        "seen entries": (artifact.seen.entry_count, manifest.interaction_count),
    }
    if artifact.item_vectors is not None and artifact.user_vectors is not None:
        shapes["item vectors"] = (artifact.item_vectors.shape, (items, dim))  # type: ignore[assignment]
        shapes["user vectors"] = (artifact.user_vectors.shape, (users, dim))  # type: ignore[assignment]
    for name, array in artifact.encoder.arrays.items():
        shapes[f"columns of the encoder's {name}"] = (array.shape[1], dim)
    if artifact.user_features is not None:
        shapes["users with features"] = (artifact.user_features.row_count, users)
    if artifact.neighbours is not None:
        shapes["neighbours"] = (artifact.neighbours.row_count, items)
    if artifact.attributes is not None:
        shapes["attributes"] = (artifact.attributes.num_rows, items)
    for name, (found, stated) in shapes.items():
        if found != stated:
            raise ArtifactCorrupt(f"{folder}: {name} are {found}, not {stated}", file=folder)
