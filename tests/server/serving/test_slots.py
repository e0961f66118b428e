"""Which model serves: whole models, swapped at once, followed from the data folder."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shortlist.server.artifacts.catalogs import Catalog, Catalogs
from shortlist.server.domain.query import RetrieveQuery, UserQuery
from shortlist.server.domain.restrictions import Restrictions
from shortlist.server.errors import (
    ArtifactCorrupt,
    CatalogNotFound,
    ModelNotFound,
    NotReady,
    ServerError,
)
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.serving_model import ServingModel
from shortlist.server.serving.slots import Slots
from tests.server.small_models import Loads


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """A catalog with the folders of three models, "a" behind "live"."""
    catalog = Catalogs(tmp_path).catalog("default")
    for name in ("a", "b", "c"):
        catalog.model_path(name).mkdir(parents=True)
    catalog.set_alias("live", "a")
    return catalog


def test_nothing_answers_before_the_models_are_loaded(tmp_path: Path, catalog: Catalog) -> None:
    slots = Slots(Catalogs(tmp_path), 1, Loads())
    with pytest.raises(NotReady) as failure:
        slots.model("default", "live")
    assert not failure.value.draining
    slots.start()
    assert slots.model("default", "live").model_id == "a"
    slots.stop()


def test_an_alias_is_followed_whoever_moved_it(tmp_path: Path, catalog: Catalog) -> None:
    """Another worker's SetAlias and a training's end reach this one through the folder alone."""
    slots, changed = Slots(Catalogs(tmp_path), 1, Loads()), threading.Semaphore(0)
    assert not slots.is_serving()
    slots.start(changed.release)
    changed.acquire()
    assert slots.is_serving()
    catalog.set_alias("live", "b")
    assert changed.acquire(timeout=30)
    assert slots.model("default", "live").model_id == "b"
    slots.stop()


def test_each_model_is_loaded_once_however_many_names_it_has(
    tmp_path: Path, catalog: Catalog
) -> None:
    loads = Loads()
    slots = Slots(Catalogs(tmp_path), 1, loads)
    catalog.set_alias("next", "a")
    slots.start()
    assert slots.model("default", "next") is slots.model("default", "live")
    assert slots.model("default", "a") is slots.model("default", "live")
    assert loads.names == ["a"]
    slots.stop()


def test_models_asked_for_by_id_take_bounded_room(tmp_path: Path, catalog: Catalog) -> None:
    """The least recently used one leaves."""
    loads = Loads()
    slots = Slots(Catalogs(tmp_path), 2, loads)
    slots.start()
    for name in ("b", "c", "b", "a", "b", "c"):
        assert slots.model("default", name).model_id == name
    assert loads.names == ["a", "b", "c", "c"]
    slots.stop()


def test_a_name_that_is_nothing_is_not_found(tmp_path: Path, catalog: Catalog) -> None:
    slots = Slots(Catalogs(tmp_path), 1, Loads())
    slots.start()
    with pytest.raises(ModelNotFound):
        slots.model("default", "none")
    with pytest.raises(CatalogNotFound):
        slots.model("none", "live")
    slots.stop()


def test_a_broken_model_does_not_push_a_good_one_out(tmp_path: Path, catalog: Catalog) -> None:
    """The old model goes on answering under its own name; without one, the damage is named."""
    slots = Slots(Catalogs(tmp_path), 1, Loads("b"))
    slots.start()
    catalog.set_alias("live", "b")
    catalog.set_alias("fresh", "b")
    slots.refresh()
    assert slots.model("default", "live").model_id == "a"
    with pytest.raises(ArtifactCorrupt):
        slots.model("default", "fresh")
    slots.stop()


def test_retrievals_never_mix_two_models(tmp_path: Path, catalog: Catalog) -> None:
    """While the alias swaps, ids, scores, filter and model name of every reply agree."""
    slots = Slots(Catalogs(tmp_path), 2, Loads())
    slots.start()
    restricted = Restrictions(filter="year < 4")
    query = RetrieveQuery(UserQuery("u001"), count=5, restrictions=restricted)
    expected = {name: retrieve(slots.model("default", name), query) for name in ("a", "b")}
    assert expected["a"].scores != expected["b"].scores
    assert len(expected["a"].item_ids) == len(expected["b"].item_ids) == 5
    done = threading.Event()

    def ask() -> set[str]:
        seen = set()
        while not done.is_set():
            found = retrieve(slots.model("default", "live"), query)
            assert found == expected[found.model]
            seen.add(found.model)
        return seen

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        try:
            for _ in range(30):
                for name in ("b", "a"):
                    catalog.set_alias("live", name)
                    slots.refresh()
        finally:
            done.set()
        assert set().union(*(one.result() for one in asking)) == {"a", "b"}
    slots.stop()


def test_an_unforeseen_failure_of_a_load_is_kept_from_the_others(
    tmp_path: Path, catalog: Catalog
) -> None:
    def load(folder: Path) -> ServingModel:
        if folder.name == "a":
            raise ZeroDivisionError
        return Loads()(folder)

    slots = Slots(Catalogs(tmp_path), 1, load)
    catalog.set_alias("other", "b")
    slots.start()
    assert slots.model("default", "other").model_id == "b"
    with pytest.raises(ServerError):
        slots.model("default", "live")
    slots.stop()
