"""Models that an earlier commit wrote open, answer and train as they did.

tests/earlier/COMMIT holds them with what that commit answered (tests/earlier/make.py made it), and
a server of today runs over the very files. Replies may say more than they did, never less or
other: another processor sums in another order, so numbers agree but for rounding.
"""

import json
import math
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shortlist.core.cpu import SIMD_LEVELS, simd_level
from tests.earlier.conversation import (
    EVERYTHING,
    REPLIES,
    Conversation,
    Json,
    numbers_of,
    served,
    train,
)
from tests.earlier.trainings import trainings

ARCHIVES = sorted((Path(__file__).parent / "earlier").glob("*/*.tar.xz"))
MODELS = [path for path in ARCHIVES if path.stem != "rest.tar"]
REST = [path for path in ARCHIVES if path.stem == "rest.tar"]
ALGORITHMS = {"wals", "sgd", "distilled", "svd", "ratings", "neighbours", "popularity"}
# Trained again; the others differ from one of these in nothing that their training does.
ALIKE = {
    *("wals-zero", "wals-stopped", "wals-items", "wals-users", "wals-warm", "wals-tuned"),
    *("svd-binary", "neighbours-bm25", "popularity", "popularity-ageing", "popularity-segments"),
}
AGAIN = [request for request in trainings() if request["modelId"] not in ALIKE]
AGAIN_IDS = [request["modelId"] for request in AGAIN]
# Many steps make much of how sums are rounded: these are alike only where sums go in one order.
ROUNDED = {"sgd-biases", "distilled"}
RECORDED_LEVEL = "avx2"
SCORE_ERROR = 1e-5  # of a score made of the same vectors, relative
TRAINED_ERROR = 1e-3  # of vectors made by many steps, relative to the largest


def name_of(archive: Path) -> str:
    return archive.name.removesuffix(".tar.xz")


def replies_of(archive: Path) -> list[Json]:
    with tarfile.open(archive) as packed:
        file = packed.extractfile(REPLIES)
        assert file is not None
        replies: list[Json] = json.load(file)
    return replies


def unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    """A server of today over everything that was kept."""
    folder = tmp_path_factory.mktemp("earlier")
    for archive in ARCHIVES:
        unpack(archive, folder)
    with served(folder) as conversation:
        yield conversation


def differences(recorded: Any, found: Any, where: str = "") -> Iterator[str]:
    """Yield where `found` lacks something that was recorded, or says otherwise."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        for name, value in recorded.items():
            yield from differences(value, found.get(name), f"{where}.{name}")
    elif isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        for place, values in enumerate(zip(recorded, found, strict=True)):
            yield from differences(*values, f"{where}[{place}]")
    elif isinstance(recorded, float) and isinstance(found, float):
        if not math.isclose(recorded, found, rel_tol=SCORE_ERROR, abs_tol=SCORE_ERROR / 10):
            yield f"{where}: {found}, it was {recorded}"
    elif recorded != found:
        yield f"{where}: {found}, it was {recorded}"


def changes(conversation: Conversation, entries: list[Json]) -> list[str]:
    """Ask all again and return every difference."""
    found: list[str] = []
    for entry in entries:
        now, before = conversation.ask(entry["method"], entry["request"]), entry["reply"]
        if entry["name"] == EVERYTHING:  # as close as they may be: by id, the order is not said
            now, before = numbers_of(now), numbers_of(before)
        found += differences(before, now, entry["name"])
    return found


@pytest.mark.parametrize("archive", MODELS, ids=name_of)
def test_an_earlier_model_answers_as_it_did(earlier: Conversation, archive: Path) -> None:
    """Ids in order, scores, origins, unknown ids, reasons, refusals, manifest and evaluation."""
    entries = replies_of(archive)
    assert len(entries) > 50
    assert changes(earlier, entries) == []


@pytest.mark.parametrize("archive", REST, ids=lambda path: path.parent.name)
def test_jobs_aliases_hidden_items_and_exports_are_read(
    earlier: Conversation, archive: Path
) -> None:
    replies = {entry["name"]: entry["reply"] for entry in replies_of(archive)}
    assert all(job["state"] == "JOB_STATE_SUCCEEDED" for job in replies["jobs"]["jobs"])
    assert replies["aliases"]["aliases"]
    assert replies["live"]["model"] == "wals"
    assert replies["best"]["model"] == "distilled"
    hidden = {item["itemId"] for item in replies["hidden"]["items"]}
    assert {"i01", "i04"} < hidden
    assert hidden.isdisjoint(replies["hidden items"]["itemIds"])
    assert replies["items, precomputed"]["search"]["mode"] == "SEARCH_MODE_PRECOMPUTED"
    assert changes(earlier, replies_of(archive)) == []


def test_every_algorithm_and_every_index_is_kept() -> None:
    manifests = [
        entry["reply"]
        for archive in MODELS
        for entry in replies_of(archive)
        if entry["name"] == "model"
    ]
    assert {name for manifest in manifests for name in manifest["request"]} >= ALGORITHMS
    assert {manifest["index"]["kind"] for manifest in manifests} == {"usearch", "lists", "none"}
    modes = {
        entry["reply"].get("search", {}).get("mode")
        for archive in MODELS
        for entry in replies_of(archive)
    }
    assert modes >= {"SEARCH_MODE_EXACT", "SEARCH_MODE_APPROXIMATE", "SEARCH_MODE_PRECOMPUTED"}


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, list[Json]]]:
    """What models say that are trained today on the earlier tables, by threads and model."""
    said: dict[int, dict[str, list[Json]]] = {1: {}, 2: {}}
    for threads, of_models in said.items():
        folder = tmp_path_factory.mktemp("retrained")
        unpack(REST[0], folder / "tables")
        for table in (folder / "tables").glob("*.parquet"):
            table.rename(folder / table.name)
        with served(folder, training_threads=threads) as conversation:
            for request in AGAIN:
                if not request.keys() & {"tuning", "earlyStopping"}:  # those are measured alike
                    request = {**request, "evaluation": {"split": "SPLIT_NONE"}}
                train(conversation, request)
                of_models[request["modelId"]] = [
                    conversation.ask(entry["method"], entry["request"])
                    for entry in everything_of(request["modelId"])
                ]
    return said


def everything_of(model: str) -> list[Json]:
    (archive,) = [path for path in MODELS if name_of(path) == model]
    return [entry for entry in replies_of(archive) if entry["name"] == EVERYTHING]


@pytest.mark.parametrize("model", AGAIN_IDS)
def test_a_training_makes_what_it_made(
    retrained: dict[int, dict[str, list[Json]]], model: str
) -> None:
    """Vectors with their signs, popularity, and what each item brings to a history."""
    if model in ROUNDED and SIMD_LEVELS[simd_level()] != RECORDED_LEVEL:
        pytest.skip(f"vectors of {model} were recorded at SIMD level {RECORDED_LEVEL}")
    for entry, reply in zip(everything_of(model), retrained[1][model], strict=True):
        before, now = numbers_of(entry["reply"]), numbers_of(reply)
        assert before.keys() == now.keys()
        values = [value for numbers in before.values() for value in numbers]
        found = [value for name in before for value in now[name]]
        error = TRAINED_ERROR * max(map(abs, values), default=0)
        assert found == pytest.approx(values, rel=0, abs=error)


@pytest.mark.parametrize("model", AGAIN_IDS)
def test_one_thread_and_two_train_the_same_bits(
    retrained: dict[int, dict[str, list[Json]]], model: str
) -> None:
    assert retrained[1][model] == retrained[2][model]
