"""Artifacts: what was written comes back bit for bit, mapped; what is damaged is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.scan.inverted_file import build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.server.artifacts.artifact import (
    Artifact,
    ModelContents,
    open_artifact,
    write_artifact,
)
from shortlist.server.artifacts.code_files import write_codes, write_lists
from shortlist.server.artifacts.manifest import IndexReport, SearchTrial, read_manifest
from shortlist.server.domain.evaluation import Evaluation, Metric, RankingEvaluation
from shortlist.server.errors import ArtifactCorrupt
from tests.server.small_contents import about, small_contents


def written(folder: Path, contents: ModelContents) -> Artifact:
    write_artifact(folder, contents, about())
    return open_artifact(folder)


def ids_of(vocabulary: Vocabulary) -> list[str]:
    return vocabulary.ids(np.arange(len(vocabulary)))


@pytest.mark.parametrize("item_count", [0, 1, 7, 100])
@pytest.mark.parametrize("user_count", [0, 1, 5])
@pytest.mark.parametrize("dim", [0, 1, 3, 16])
def test_what_was_written_comes_back(
    tmp_path: Path, item_count: int, user_count: int, dim: int
) -> None:
    contents = small_contents(item_count, user_count, dim)
    artifact = written(tmp_path, contents)
    assert ids_of(artifact.items) == ids_of(contents.items)
    assert ids_of(artifact.users) == ids_of(contents.users)
    assert all(artifact.users.row(id) == row for row, id in enumerate(ids_of(contents.users)))
    for name in ("item_vectors", "user_vectors", "item_scores", "item_counts"):
        np.testing.assert_array_equal(getattr(artifact, name), getattr(contents, name))
    for name in ("row_starts", "columns", "values", "column_count"):
        np.testing.assert_array_equal(getattr(artifact.seen, name), getattr(contents.seen, name))
    assert artifact.attributes == contents.attributes
    manifest = artifact.manifest
    assert (manifest.item_count, manifest.user_count, manifest.dim) == (item_count, user_count, dim)
    assert manifest.attribute_columns == ("year", "city")


def test_arrays_are_views_of_the_mapped_files(tmp_path: Path) -> None:
    """Processes share the pages; a copy would cost each of them the whole model again."""
    before = pa.total_allocated_bytes()
    artifact = written(tmp_path, small_contents(5000, 3000, 32))
    assert artifact.item_vectors is not None
    assert artifact.user_vectors is not None
    arrays: list[np.ndarray] = [artifact.item_vectors, artifact.user_vectors, artifact.item_scores]
    arrays += [artifact.items.utf8, artifact.items.offsets, artifact.users.slots]
    arrays += [artifact.seen.row_starts, artifact.seen.columns, artifact.seen.values]
    for array in arrays:
        assert not array.flags.owndata
        assert not array.flags.writeable
        assert array.flags.c_contiguous
    # Arrow allocated nothing but its small metadata, and numpy only the hash table's object.
    assert pa.total_allocated_bytes() - before < 100_000


def test_files_are_readable_without_us(tmp_path: Path) -> None:
    """A user may leave us any day and take the embeddings along."""
    contents = small_contents(7, 4, 3)
    write_artifact(tmp_path, contents, about())
    with pa.OSFile(str(tmp_path / "items.arrow")) as file:
        items = pa.ipc.open_file(file).read_all()
    assert items["id"].to_pylist() == ids_of(contents.items)
    assert items.schema.field("embedding").type == pa.list_(pa.float32(), 3)
    np.testing.assert_array_equal(np.array(items["embedding"].to_pylist()), contents.item_vectors)
    with pa.OSFile(str(tmp_path / "seen.arrow")) as file:
        seen = pa.ipc.open_file(file).read_all()["seen"].to_pylist()
    for row, entries in enumerate(seen):
        columns, values = contents.seen.row(row)
        assert [entry["item"] for entry in entries] == columns.tolist()
        assert [entry["value"] for entry in entries] == values.tolist()


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    metric = Metric("ndcg", 10, 0.25, 0.01)
    evaluation = Evaluation("temporal", (RankingEvaluation("wals", "known", 7, (metric,)),))
    trial = SearchTrial("exact", 0, 1.0, 80.5)
    report = IndexReport("usearch", 0.99, 100, 32, 256, 128, 1.5, chosen="exact", trials=(trial,))
    full = replace(about(), losses=(2.0, 1.0), evaluation=evaluation, index=report)
    manifest = write_artifact(tmp_path, small_contents(), full)
    assert read_manifest(tmp_path) == manifest
    assert (manifest.losses, manifest.evaluation, manifest.index) == (
        *((2.0, 1.0), evaluation, report),
    )


def test_a_report_from_before_indexes_could_be_asked_for_opens(tmp_path: Path) -> None:
    trials = (SearchTrial("exact", 0, 1.0, 80.5), SearchTrial("lists", 8, 0.99, 20.5))
    report = IndexReport("lists", 0.99, 100, chosen="lists", trials=trials)
    manifest = write_artifact(tmp_path, small_contents(), replace(about(), index=report))
    path = tmp_path / "manifest.json"
    data = json.loads(path.read_text())
    del data["index"]["asked"], data["index"]["dtype"], data["index"]["build_threads"]
    for trial in data["index"]["trials"]:
        del trial["skipped"]
    del data["spec"]["index"]
    path.write_text(json.dumps(data))
    assert replace(read_manifest(tmp_path), spec={}) == replace(manifest, spec={})


FILES = ("items.arrow", "users.arrow", "seen.arrow", "attributes.arrow", "item_slots.npy")


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_byte_is_found(tmp_path: Path, name: str) -> None:
    write_artifact(tmp_path, small_contents(), about())
    damaged = bytearray((tmp_path / name).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / name).write_bytes(damaged)
    with pytest.raises(ArtifactCorrupt, match="checksum"):
        open_artifact(tmp_path)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_or_cut_file_is_found(tmp_path: Path, name: str, verify: bool) -> None:
    write_artifact(tmp_path, small_contents(), about())
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArtifactCorrupt):
        open_artifact(tmp_path, verify)
    path.unlink()
    with pytest.raises(ArtifactCorrupt):
        open_artifact(tmp_path, verify)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("format_version", 3), ("format_version", None), ("dim", 4), ("dim", 0)),
        *(("item_count", 8), ("user_count", 3), ("interaction_count", 0), ("files", {})),
        *(("unknown", 1), ("losses", ["a"]), ("created_ms", 1.5)),
    ],
)
def test_a_manifest_that_contradicts_its_files_is_refused(
    tmp_path: Path, key: str, value: object
) -> None:
    write_artifact(tmp_path, small_contents(), about())
    path = tmp_path / "manifest.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {key: value}))
    if (key, value) == ("dim", 0):  # vectors that a model does not claim are merely not used
        assert open_artifact(tmp_path).item_vectors is None
        return
    with pytest.raises(ArtifactCorrupt):
        open_artifact(tmp_path)


def test_a_model_without_codes_gets_them_when_it_is_opened(tmp_path: Path) -> None:
    """Models published before codes were stored still load."""
    contents = small_contents()
    write_artifact(tmp_path, contents, about())
    opened = open_artifact(tmp_path).quantized
    assert contents.item_vectors is not None
    assert opened is not None
    assert opened.codes.tobytes() == quantize(contents.item_vectors).codes.tobytes()


def test_stored_codes_and_lists_are_mapped_and_checked(tmp_path: Path) -> None:
    contents = small_contents()
    vectors = contents.item_vectors
    assert vectors is not None
    write_codes(tmp_path, quantize(vectors))
    write_lists(tmp_path, build_inverted_file(vectors, quantize(vectors)))
    write_artifact(tmp_path, contents, about())
    opened = open_artifact(tmp_path)
    assert opened.quantized is not None
    assert opened.lists is not None
    assert isinstance(opened.quantized.codes, np.memmap)
    assert sorted(opened.lists.rows[:1].tolist()) <= list(range(len(vectors)))
    for name in ("item_codes.npy", "list_rows.npy"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ArtifactCorrupt, match="checksum"):
            open_artifact(tmp_path)
        (tmp_path / name).write_bytes(whole)


def test_codes_of_other_vectors_are_refused(tmp_path: Path) -> None:
    write_codes(tmp_path, quantize(np.ones((100, 9), np.float32)))
    write_artifact(tmp_path, small_contents(), about())
    with pytest.raises(ArtifactCorrupt, match="codes"):
        open_artifact(tmp_path)
