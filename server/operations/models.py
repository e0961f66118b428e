"""The models of a data folder: look up, list, delete, point aliases at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shortlist.server.artifacts.catalogs import Catalog, Catalogs
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.errors import FieldInvalid
from shortlist.server.serving.slots import Slots
from shortlist.server.storage.live_recall import LiveRecallStore, Tally


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model as callers see it."""

    manifest: Manifest
    aliases: tuple[str, ...]  # names that point here, sorted
    live_recalls: tuple[Tally, ...]  # by rising cut-off


@dataclass(frozen=True, slots=True)
class AliasTarget:
    """An alias and what it names."""

    catalog: str
    name: str
    model_id: str
    generation: int  # of the catalog's aliases


class Models:
    """What ModelService does beside training; every method may be called from any thread."""

    def __init__(self, catalogs: Catalogs, slots: Slots, recalls: LiveRecallStore) -> None:
        self._catalogs = catalogs
        self._slots = slots
        self._recalls = recalls

    def get(self, catalog: str, name: str) -> PublishedModel:
        """Return the model that an id or alias names. Raises CatalogNotFound, ModelNotFound."""
        store = self._catalogs.catalog(catalog, must_exist=True)
        return self._published(store, store.resolve(name), store.aliases().targets)

    def page(self, catalog: str, size: int, token: str) -> tuple[list[PublishedModel], str]:
        """Return up to `size` models after the one that `token` names, and the next token."""
        store = self._catalogs.catalog(catalog, must_exist=True)
        ids = store.model_ids()
        if token and token not in ids:
            raise FieldInvalid("page_token", "is not from the last page, or its model is deleted")
        first = ids.index(token) + 1 if token else 0
        shown = ids[first : first + size]
        targets = store.aliases().targets
        more = first + size < len(ids)
        models = [self._published(store, model_id, targets) for model_id in shown]
        return models, shown[-1] if more else ""

    def delete(self, catalog: str, model_id: str) -> None:
        """Delete a model. Raises ModelInUse while an alias names it, ModelNotFound."""
        self._catalogs.catalog(catalog, must_exist=True).delete(model_id)
        self._recalls.forget(catalog, model_id)

    def set_alias(self, catalog: str, name: str, model_id: str) -> AliasTarget:
        """Point an alias at a model and serve it here at once; other workers follow in a moment.

        The model is loaded first, so that a broken one never gets an alias.
        Raises CatalogNotFound, ModelNotFound, ArtifactCorrupt, FieldInvalid for the id of a model.
        """
        self._slots.load(catalog, model_id)
        store = self._catalogs.catalog(catalog)
        if store.model_path(name).exists():
            raise FieldInvalid("name", f"{name} is the id of a model", found=name)
        aliases = store.set_alias(name, model_id)
        self._slots.refresh()
        return AliasTarget(catalog, name, model_id, aliases.generation)

    def aliases(self, catalog: str) -> list[AliasTarget]:
        """Return the aliases of a catalog by name. Raises CatalogNotFound."""
        aliases = self._catalogs.catalog(catalog, must_exist=True).aliases()
        return [
            AliasTarget(catalog, name, target, aliases.generation)
            for name, target in sorted(aliases.targets.items())
        ]

    def _published(
        self, store: Catalog, model_id: str, targets: Mapping[str, str]
    ) -> PublishedModel:
        names = sorted(name for name, target in targets.items() if target == model_id)
        manifest = store.manifest(model_id)
        recalls = self._recalls.of_model(manifest.catalog, model_id)
        return PublishedModel(manifest, tuple(names), tuple(recalls))
