"""Indexes over a real socket: asked for, built, used by searches, reported, taken away."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from usearch.index import Index as UsearchIndex

from shortlist.client import FailedPrecondition, Index, InvalidArgument, Popularity, Shortlist, Wals
from tests.served import Served, checkerboard, start_server, stop_server

GRAPH = Index("usearch", connectivity=8, expansion_add=64, dtype="bf16", parallel_build=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with three models of 80 items: two indexes asked for, and none."""
    folder = tmp_path_factory.mktemp("indexes")
    pq.write_table(checkerboard(), folder / "events.parquet")
    server = start_server(folder)
    try:
        with Shortlist(server.target) as shortlist:
            indexes: dict[str, Index | str] = {"graph": GRAPH, "lists": "lists", "exact": "exact"}
            for name, index in indexes.items():
                shortlist.train(
                    str(folder / "events.parquet"),
                    algorithm=Wals(dim=8, epochs=2),
                    index=index,
                    model_id=name,
                    progress=False,
                )
        yield server
    finally:
        assert stop_server(server) == 0


def command_line(served: Served, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "shortlist.client.cli.main", "--target", served.target]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("model", ["graph", "lists"])
@pytest.mark.parametrize("mode", ["", "approximate"])
def test_the_index_asked_for_answers_and_the_report_says_so(
    served: Served, model: str, mode: str
) -> None:
    """Also where the mode is left open, though exact search of 80 items is as fast."""
    with Shortlist(served.target) as shortlist:
        found = shortlist.retrieve(user="u002", count=10, model=model, mode=mode)
        exact = shortlist.retrieve(user="u002", count=10, model=model, mode="exact")
        few = shortlist.retrieve(user="u002", candidates=["i002"], model=model, mode=mode)
    assert (found.search.mode, exact.search.mode) == ("approximate", "exact")
    # The items of a taste score almost alike, and a graph that threads built together may miss one.
    assert len(set(found.item_ids) & set(exact.item_ids)) >= 9
    assert few.search.mode == "exact", "restrictions are no work for an index"


def test_a_model_trained_with_exact_has_no_index(served: Served) -> None:
    with Shortlist(served.target) as shortlist:
        model = shortlist.model("exact")
        found = shortlist.retrieve(user="u002", model="exact", mode="approximate")
    assert model.index is not None
    assert (model.index.kind, model.index.chosen, model.index.asked) == ("none", "exact", True)
    assert {trial.skipped for trial in model.index.trials} == {"exact was asked for"}
    assert found.search.mode == "exact"


def test_the_model_says_what_was_asked_built_and_measured(served: Served) -> None:
    with Shortlist(served.target) as shortlist:
        model = shortlist.model("graph")
    index = model.index
    assert index is not None
    assert model.request is not None
    assert model.request.index == GRAPH
    assert (index.kind, index.chosen, index.asked) == ("usearch", "usearch", True)
    assert (index.connectivity, index.expansion_add, index.dtype) == (8, 64, "bf16")
    assert index.build_threads >= 1
    assert {trial.method: trial.skipped for trial in index.trials} == {
        "exact": "", "lists": "usearch was asked for", "usearch": "",
    }  # fmt: skip
    shown = command_line(served, "models", "show", "graph")
    assert "not measured: usearch was asked for" in shown.stdout
    assert "* is what the training asked for" in shown.stdout


@pytest.mark.parametrize(
    ("index", "field"),
    [
        (Index("lists", connectivity=8), "index.connectivity"),
        (Index(dtype="i8"), "index.dtype"),
        (Index("usearch", expansion_add=1), "index.expansion_add"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_named(
    served: Served, index: Index, field: str
) -> None:
    events = str(served.folder / "events.parquet")
    with Shortlist(served.target) as shortlist, pytest.raises(InvalidArgument) as failure:
        shortlist.start_training(events, index=index)
    assert [one.field for one in failure.value.field_violations] == [field]


def test_no_graph_of_what_has_no_vectors(served: Served) -> None:
    events = str(served.folder / "events.parquet")
    with Shortlist(served.target) as shortlist, pytest.raises(InvalidArgument, match="no vectors"):
        shortlist.start_training(events, algorithm=Popularity(), index="usearch")
    options = ["--algorithm", "popularity", "--index", "usearch"]
    refused = command_line(served, "train", "--interactions", events, *options)
    assert (refused.returncode, "index.kind" in refused.stderr) == (1, True)


def test_the_command_line_exports_what_plain_usearch_reads(served: Served, tmp_path: Path) -> None:
    output = str(tmp_path / "here.usearch")
    ended = command_line(served, "models", "export-index", "graph", "-o", output)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"{output}: 80 items of model graph, dim 9, cos, bf16")
    with Shortlist(served.target) as shortlist:
        vector = shortlist.embed(users=["u002"], model="graph").vectors[0]
        best = shortlist.retrieve(embedding=vector, count=10, model="graph", mode="exact").item_ids
    ids = [json.loads(line) for line in (tmp_path / "here.ids.jsonl").read_text().splitlines()]
    index = UsearchIndex.restore(output)
    assert index is not None
    keys = index.search(np.append(vector, np.float32(0)), 20, threads=1).keys
    assert set(best) <= {ids[key] for key in keys}


def test_the_command_line_says_how_to_get_a_graph(served: Served, tmp_path: Path) -> None:
    ended = command_line(served, "models", "export-index", "lists", "-o", str(tmp_path))
    assert ended.returncode == 1
    assert "train one with index.kind usearch" in ended.stderr
    with Shortlist(served.target) as shortlist, pytest.raises(FailedPrecondition):
        shortlist.export_index(str(tmp_path), "exact")
    assert list(tmp_path.iterdir()) == []
