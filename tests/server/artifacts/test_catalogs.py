"""Catalogs: models appear whole, aliases move in one step, nothing in use disappears."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shortlist.server.artifacts.artifact import open_artifact, write_artifact
from shortlist.server.artifacts.catalogs import Catalog, Catalogs
from shortlist.server.errors import (
    CatalogNotFound,
    FieldInvalid,
    ModelExists,
    ModelInUse,
    ModelNotFound,
)
from tests.server.small_contents import about, small_contents


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalogs(tmp_path).catalog("default")


def publish(catalog: Catalog, model_id: str, created_ms: int = 1) -> None:
    staged = catalog.stage(model_id)
    write_artifact(staged, small_contents(), about(model_id, created_ms))
    catalog.publish(staged, model_id)


def test_a_staged_model_is_not_visible(catalog: Catalog) -> None:
    staged = catalog.stage("a")
    write_artifact(staged, small_contents(), about("a"))
    assert catalog.model_ids() == []
    with pytest.raises(ModelNotFound):
        catalog.resolve("a")
    catalog.publish(staged, "a")
    assert catalog.model_ids() == ["a"]
    assert open_artifact(catalog.model_path("a")).manifest.model_id == "a"


def test_models_are_listed_newest_first(catalog: Catalog) -> None:
    for created_ms, model_id in enumerate(("b", "c", "a")):
        publish(catalog, model_id, created_ms)
    assert catalog.model_ids() == ["a", "c", "b"]


def test_a_broken_model_hides_no_other(catalog: Catalog) -> None:
    publish(catalog, "a", 5)
    publish(catalog, "b", 6)
    (catalog.model_path("b") / "manifest.json").write_text("{")
    assert catalog.model_ids() == ["a", "b"]


def test_an_id_is_given_once(catalog: Catalog) -> None:
    """Also when two trainings finish at the same time: one wins, the other is told."""
    staged = catalog.stage("a")
    (staged / "other").write_text("")
    publish(catalog, "a")
    with pytest.raises(ModelExists):
        catalog.stage("a")
    with pytest.raises(ModelExists):
        catalog.publish(staged, "a")
    assert not (catalog.model_path("a") / "other").exists()


def test_an_alias_is_followed_and_counts_its_changes(catalog: Catalog) -> None:
    publish(catalog, "a")
    publish(catalog, "b")
    assert catalog.aliases().generation == 0
    with pytest.raises(ModelNotFound):
        catalog.resolve("")
    assert catalog.set_alias("live", "a").generation == 1
    assert catalog.set_alias("next", "b").targets == {"live": "a", "next": "b"}
    assert [catalog.resolve(name) for name in ("", "live", "next", "b")] == ["a", "a", "b", "b"]
    assert catalog.set_alias("live", "b") == catalog.aliases()
    assert catalog.aliases().generation == 3
    with pytest.raises(ModelNotFound):
        catalog.set_alias("live", "none")


def test_no_change_of_an_alias_is_lost(catalog: Catalog) -> None:
    """Several workers may set aliases at the same moment, each by reading, adding and writing."""
    publish(catalog, "a")
    start = threading.Barrier(4)

    def change(worker: int) -> None:
        start.wait()
        for i in range(5):
            catalog.set_alias(f"alias-{worker}-{i}", "a")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(4)))
    assert catalog.aliases().generation == len(catalog.aliases().targets) == 20


def test_a_model_in_use_is_not_deleted(catalog: Catalog) -> None:
    publish(catalog, "a")
    publish(catalog, "b")
    catalog.set_alias("live", "a")
    with pytest.raises(ModelInUse) as failure:
        catalog.delete("a")
    assert failure.value.metadata == {"model": "a", "aliases": "live"}
    with pytest.raises(ModelNotFound):
        catalog.delete("live")
    held = open_artifact(catalog.model_path("b"))
    catalog.delete("b")
    assert catalog.model_ids() == ["a"]
    assert held.items.row("item-0") == 0
    catalog.set_alias("live", "a")
    publish(catalog, "b")


def test_sweeping_leaves_the_models_and_nothing_else(tmp_path: Path, catalog: Catalog) -> None:
    publish(catalog, "a")
    (catalog.stage("b") / "items.arrow").write_text("half")
    Catalogs(tmp_path).sweep()
    assert [path.name for path in catalog.model_path("a").parent.iterdir()] == ["a"]


def test_only_catalogs_with_models_are_known(tmp_path: Path, catalog: Catalog) -> None:
    catalogs = Catalogs(tmp_path)
    assert catalogs.names() == []
    with pytest.raises(CatalogNotFound):
        catalogs.catalog("default", must_exist=True)
    publish(catalog, "a")
    assert catalogs.names() == ["default"]
    assert catalogs.catalog("default", must_exist=True).model_ids() == ["a"]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "x" * 129, "ü"])
def test_a_name_never_leaves_its_folder(tmp_path: Path, catalog: Catalog, name: str) -> None:
    with pytest.raises(FieldInvalid):
        Catalogs(tmp_path).catalog(name)
    with pytest.raises(FieldInvalid):
        catalog.stage(name)
    with pytest.raises(FieldInvalid):
        catalog.delete(name)
