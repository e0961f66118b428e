"""ExportIndex over a real socket: whole files that plain usearch reads, or why there are none."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from usearch.index import Index

from shortlist.client import AsyncShortlist, FailedPrecondition, NotFound, Shortlist
from shortlist.core.data.interactions import FloatArray
from shortlist.server.artifacts.artifact import open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.index import GraphOptions, IndexSpec
from shortlist.server.errors import Overloaded
from shortlist.server.operations import index_exports
from shortlist.server.operations.index_exports import IndexExports, IndexHeader
from shortlist.v1 import model_service_pb2 as m
from tests.server.published import publish
from tests.server.rpc.sockets import Connection, connected, refusal_of, settings_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    settings = settings_for(tmp_path_factory.mktemp("served"))
    graph = GraphOptions(connectivity=8, expansion_add=64)
    publish(settings.data.dir, "graph", alias="live", index=IndexSpec("usearch", graph))
    half = GraphOptions(dtype="bf16")
    publish(settings.data.dir, "half", index=IndexSpec("usearch", half))
    publish(settings.data.dir, "lists", index=IndexSpec("lists"))
    publish(settings.data.dir, "popular", dim=0)
    with connected(settings) as connection:
        yield connection


def vectors_of(served: Connection, model: str) -> dict[str, FloatArray]:
    """Return the item vectors of a model by id."""
    catalog = Catalogs(served.folder / "data").catalog("default")
    artifact = open_artifact(catalog.model_path(model))
    assert artifact.item_vectors is not None
    ids = artifact.items.ids(np.arange(len(artifact.items), dtype=np.int32))
    return dict(zip(ids, artifact.item_vectors, strict=True))


@pytest.mark.parametrize(("model", "metric"), [("graph", "l2sq"), ("half", "cos")])
def test_plain_usearch_finds_the_same_neighbours(
    served: Connection, tmp_path: Path, model: str, metric: str
) -> None:
    """By the file, the ids and the header alone: nothing of ours is needed elsewhere."""
    with Shortlist(channel=served.channel) as shortlist:
        shortlist.export_index(str(tmp_path / "out"), model)
    names = {f"{model}.usearch", f"{model}.ids.jsonl", f"{model}.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    header = json.loads((tmp_path / "out" / f"{model}.json").read_text())
    assert (header["metric"], header["item_count"], header["dim"]) == (metric, 30, 5)
    lines = (tmp_path / "out" / f"{model}.ids.jsonl").read_text().splitlines()
    ids = [json.loads(line) for line in lines]
    index = Index.restore(str(tmp_path / "out" / f"{model}.usearch"))
    assert index is not None
    assert len(ids) == len(index) == 30
    index.expansion_search = header["expansion_search"]
    vectors = vectors_of(served, model)
    for user in np.random.default_rng(3).integers(-2, 3, size=(20, 4)).astype(np.float32):
        keys = index.search(np.append(user, np.float32(0)), 5, threads=1).keys
        found = [float(vectors[ids[key]] @ user) for key in keys]
        best = sorted((float(one @ user) for one in vectors.values()), reverse=True)
        assert sorted(found, reverse=True) == best[:5]


def test_pieces_are_small_and_come_in_order(
    served: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_exports, "PIECE_BYTES", 1000)
    monkeypatch.setattr(index_exports, "PIECE_IDS", 7)
    header, *rest = served.models.ExportIndex(m.ExportIndexRequest())
    kinds = [piece.WhichOneof("piece") for piece in rest]
    assert kinds == ["ids"] * 5 + ["file"] * (len(kinds) - 5)
    assert [len(piece.ids.item_ids) for piece in rest[:5]] == [7, 7, 7, 7, 2]
    assert max(len(piece.file) for piece in rest) == 1000
    assert sum(len(piece.file) for piece in rest) == header.header.size_bytes
    assert header.header.connectivity == 8


def test_a_file_may_be_named_and_asyncio_does_the_same(served: Connection, tmp_path: Path) -> None:
    async def export() -> None:
        async with AsyncShortlist(served.target) as shortlist:
            await shortlist.export_index(str(tmp_path / "b.usearch"))

    with Shortlist(served.target) as shortlist:
        found = shortlist.export_index(str(tmp_path / "deep" / "a.usearch"))
    asyncio.run(export())
    assert found.path == tmp_path / "deep" / "a.usearch"
    assert (tmp_path / "b.usearch").read_bytes() == found.path.read_bytes()
    assert (tmp_path / "b.ids.jsonl").read_bytes() == found.ids_path.read_bytes()


@pytest.mark.parametrize(("model", "kind"), [("lists", "lists"), ("popular", "none")])
def test_a_model_without_a_graph_says_how_to_train_one(
    served: Connection, tmp_path: Path, model: str, kind: str
) -> None:
    with Shortlist(channel=served.channel) as shortlist:
        with pytest.raises(FailedPrecondition, match="--index usearch") as failure:
            shortlist.export_index(str(tmp_path), model)
        with pytest.raises(NotFound):
            shortlist.export_index(str(tmp_path), "none")
    assert failure.value.reason == "INDEX_MISSING"
    assert failure.value.metadata == {"model": model, "kind": kind}
    assert list(tmp_path.iterdir()) == []


def test_a_bad_field_is_named(served: Connection) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        list(served.models.ExportIndex(m.ExportIndexRequest(model="../x")))
    assert refusal_of(failure.value).fields == ["model"]


def test_exports_are_few_at_once_and_an_ended_one_makes_room(tmp_path: Path) -> None:
    """A slow reader holds a thread, so there is a limit."""
    publish(tmp_path, "graph", alias="live", index=IndexSpec("usearch", GraphOptions()))
    exports = IndexExports(Catalogs(tmp_path), at_once_max=1)
    running = exports.export("default", "live")
    assert isinstance(next(running), IndexHeader)
    with pytest.raises(Overloaded):
        next(exports.export("default", "live"))
    running.close()
    assert isinstance(next(exports.export("default", "live")), IndexHeader)


def test_a_model_deleted_meanwhile_is_still_exported_whole(tmp_path: Path) -> None:
    publish(tmp_path, "graph", index=IndexSpec("usearch", GraphOptions()))
    catalogs = Catalogs(tmp_path)
    pieces = IndexExports(catalogs, at_once_max=1).export("default", "graph")
    header = next(pieces)
    assert isinstance(header, IndexHeader)
    catalogs.catalog("default").delete("graph")
    rest = list(pieces)
    assert sum(len(piece) for piece in rest if isinstance(piece, bytes)) == header.size_bytes
    assert sum(len(piece) for piece in rest if isinstance(piece, list)) == 30
