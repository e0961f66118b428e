"""Writes the models of a commit and records what it answers; `fe82397` was made by it so:

    PYTHONPATH=BEFORE/build/tree python -m tests.earlier.make fe82397

from this checkout, BEFORE being one of fe82397, compiled: its code answers, not today's.

It trains every kind of model over real sockets, asks each of them all questions, and keeps a
`.tar.xz` a model: the files as written, which padding makes far larger than what they say, and
replies.json, what it answered. `rest.tar.xz` has jobs, aliases, hidden items, exports and tables.
It is kept as the record of how they were made, and for the next commit whose files change.
"""

import importlib
import json
import sys
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.earlier.conversation import EVERYTHING, REPLIES, Conversation, served, train
from tests.earlier.questions import everything, others, retrievals
from tests.earlier.trainings import trainings, write_tables

Json = dict[str, Any]
COUNT, COUNT_MIN, GAP = 8, 3, 1e-3
CLOSED = "closed"  # the catalog with hidden items
GRAPH = "wals-graph"


def main(commit: str) -> None:
    kept = Path(__file__).parent / commit
    kept.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="shortlist-") as name:
        folder = Path(name)
        write_tables(folder)
        asked = trainings()
        with served(folder) as conversation:
            for request in (*asked, {**asked[0], "catalog": CLOSED}):
                train(conversation, request)
        _train_graph(folder)
        models = [request["modelId"] for request in asked] + [GRAPH]
        with served(folder) as conversation:
            replies = {"rest": list(_arranged(conversation))}
            replies |= {model: list(_asked(conversation, model)) for model in models}
        default = folder / "data" / "catalogs" / "default" / "models"
        found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".toml"]
        rest = [path for path in found if default not in path.parents]
        for name, entries in replies.items():
            paths = rest if name == "rest" else [default / name]
            _pack(kept / f"{name}.tar.xz", folder, paths, entries)


def _train_graph(folder: Path) -> None:
    """Train with a graph as index, which so few items never get, by the commit's own writer."""
    choice = importlib.import_module("shortlist.server.index.choice")
    choice._graph_may_pay = lambda *_: True  # type: ignore[attr-defined]
    choice._kept = lambda trials, _: trials[-1]  # type: ignore[attr-defined]
    spec = importlib.import_module("shortlist.server.training.spec")
    reading = importlib.import_module("shortlist.server.reading")
    params = importlib.import_module("shortlist.core.wals_params")
    pipeline = importlib.import_module("shortlist.server.training.pipeline")
    catalogs = importlib.import_module("shortlist.server.artifacts.catalogs")
    pipeline.run_training(
        spec.TrainingSpec(
            catalog="default",
            model_id=GRAPH,
            interactions=reading.EventSource(str(folder / "events.parquet")),
            algorithm=params.WalsParams(dim=4, epochs=4),
            alias=None,
        ),
        catalogs.Catalogs(folder / "data"),
        threads=1,
        report=lambda **_: None,
        cancelled=lambda: False,
    )


def _arranged(conversation: Conversation) -> Iterator[Json]:
    """Name models, hide items and export; yield what can be read of it later."""
    for name, model in (("live", "wals"), ("best", "sgd"), ("best", "distilled")):
        conversation.ask("ModelService.SetAlias", {"name": name, "modelId": model})
    conversation.ask("ModelService.SetAlias", {"catalog": CLOSED, "modelId": "wals"})
    hidden = {"catalog": CLOSED, "itemIds": ["i01", "i05", "not yet there"]}
    conversation.ask("CatalogService.HideItems", hidden)
    conversation.ask("CatalogService.DeleteItems", {"catalog": CLOSED, "itemIds": ["i04"]})
    for kind in ("EXPORT_KIND_USERS", "EXPORT_KIND_ITEMS"):
        conversation.ask("ModelService.ExportCandidates", {"kind": kind, "count": 12})
    lists: dict[str, tuple[str, Json]] = {
        "jobs": ("ModelService.ListTrainingJobs", {}),
        "aliases": ("ModelService.ListAliases", {}),
        "hidden": ("CatalogService.ListHiddenItems", {"catalog": CLOSED}),
    }
    for name, (method, request) in lists.items():
        yield _entry(name, method, request, conversation.ask(method, request))
    items = {"items": {"itemIds": ["i02"]}}
    named: dict[str, Json] = {
        "live": {"query": {"user": {"userId": "u04"}}},
        "best": {"model": "best", "query": {"user": {"userId": "u04"}}},
        "hidden items": {
            "catalog": CLOSED,
            "query": {"user": {"userId": "u04"}},
            "includeSeen": True,
        },
        "items, precomputed": {"query": items, "mode": "SEARCH_MODE_PRECOMPUTED"},
    }
    for name, request in named.items():
        yield from _clear(conversation, name, request)


def _asked(conversation: Conversation, model: str) -> Iterator[Json]:
    """Ask a model every question."""
    dim = conversation.ask("ModelService.GetModel", {"model": model})["dim"]
    for name, request in retrievals(dim or 4).items():
        yield from _clear(conversation, name, {**request, "model": model})
    for name, (method, request) in others(dim or 4).items():
        request = {**request, "model": model}
        yield _entry(name, method, request, conversation.ask(method, request))
    for method, request in everything(dim):
        request = {**request, "model": model}
        yield _entry(EVERYTHING, method, request, conversation.ask(method, request))


def _clear(conversation: Conversation, name: str, request: Json) -> Iterator[Json]:
    """Ask for as many as stand clear of each other: another processor must rank them so too."""
    method = "RetrievalService.Retrieve"
    count = request.get("count", COUNT)
    reply = conversation.ask(method, {**request, "count": count + 1})
    if "refused" not in reply and reply["origin"] != "ORIGIN_POPULARITY":
        count = min(count, _clear_count(reply["scores"]))
        if count < min(COUNT_MIN, len(reply["scores"])):
            print(request.get("model"), name, "stand too close:", reply["scores"])
    if count:
        request = {**request, "count": count}
        yield _entry(name, method, request, conversation.ask(method, request))


def _clear_count(scores: list[float]) -> int:
    """Return how many are apart from the next one; the very same score goes by item id."""
    gap = GAP * max(map(abs, scores), default=0)
    apart = [abs(score - after) for score, after in pairwise(scores)]
    return next((n for n, far in enumerate(apart, 1) if 0 < far <= gap), COUNT + 2) - 1


def _entry(name: str, method: str, request: Json, reply: Json) -> Json:
    return {"name": name, "method": method, "request": request, "reply": reply}


def _pack(target: Path, folder: Path, paths: list[Path], replies: list[Json]) -> None:
    (folder / REPLIES).write_text(json.dumps(replies, indent=1))
    with tarfile.open(target, "w:xz", preset=9) as archive:
        for path in sorted([*paths, folder / REPLIES]):
            archive.add(path, path.relative_to(folder))


if __name__ == "__main__":
    main(sys.argv[1])
