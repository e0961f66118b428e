"""Which model serves: one slot an alias, swapped whole; a request takes one reference and keeps it.

A worker learns of alias changes from the data folder, whoever made them: a thread looks at the
alias files ten times a second, loads what is new beside the running requests and swaps by one
assignment.
Models that are asked for by id, and no alias holds, are loaded on demand into a small cache.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from shortlist.server.artifacts.catalogs import Catalog, Catalogs
from shortlist.server.errors import MemoryExceeded, ModelNotFound, NotReady, ServerError
from shortlist.server.serving.serving_model import ServingModel, load_serving_model

_LOG = logging.getLogger("shortlist.server")

WATCH_INTERVAL_S = 0.1

Key = tuple[str, str]  # catalog, alias or model id


class Slots:
    """The models of one worker process; every method may be called from any thread."""

    def __init__(
        self,
        catalogs: Catalogs,
        loaded_models_max: int,
        load: Callable[[Path], ServingModel] = load_serving_model,
    ) -> None:
        self._catalogs = catalogs
        self._loaded_models_max = loaded_models_max
        self._load = load
        self._serving: dict[Key, ServingModel] = {}  # by alias; replaced whole, never changed
        self._broken: dict[Key, ServerError] = {}  # aliases whose model would not load
        self._followed: dict[str, bytes | None] = {}  # each catalog's alias file, as last seen
        self._by_id: OrderedDict[Key, ServingModel] = OrderedDict()
        self._cache_lock = threading.Lock()  # guards _by_id, never held while loading
        self._loading = threading.Lock()  # one load at a time: two would double the peak memory
        self._on_change: Callable[[], None] = lambda: None
        self._started = False
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="alias-watcher", daemon=True)

    def start(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Load what the aliases name, then follow them; until this returns, callers get NotReady.

        on_change is called after every swap, from the thread that made it.
        """
        self._on_change = on_change
        self.refresh()
        self._started = True
        self._watcher.start()

    def stop(self) -> None:
        """Stop following the aliases; what is loaded goes on answering."""
        self._stopping.set()
        if self._started:
            self._watcher.join()

    def is_serving(self) -> bool:
        """Return whether any catalog has a model to answer with."""
        return bool(self._serving)

    def model(self, catalog: str, name: str) -> ServingModel:
        """Return the model that an alias or a model id names.

        Raises NotReady before `start` is done, CatalogNotFound, ModelNotFound, ArtifactCorrupt.
        """
        model = self._serving.get((catalog, name))
        if model is not None:
            return model
        if not self._started:
            raise NotReady("The server is loading its models.", draining=False)
        return self._load_named(catalog, name)

    def load(self, catalog: str, model_id: str) -> ServingModel:
        """Return a model by its id, loading it if nothing here holds it."""
        key = (catalog, model_id)
        folder = self._catalogs.catalog(catalog, must_exist=True).model_path(model_id)
        if not folder.is_dir():  # perhaps deleted since it was loaded
            with self._cache_lock:
                self._by_id.pop(key, None)
            raise ModelNotFound(f"catalog {catalog} has no model {model_id}", model=model_id)
        model = self._held(key)
        if model is None:
            with self._loading:
                model = self._held(key) or self._load(folder)
        with self._cache_lock:
            self._by_id[key] = model
            self._by_id.move_to_end(key)
            while len(self._by_id) > self._loaded_models_max:
                self._by_id.popitem(last=False)
        return model

    def refresh(self) -> None:
        """Follow every alias that has moved since the last look; loads before it swaps."""
        with self._loading:
            for name in self._catalogs.names():
                self._refresh_catalog(name)

    def _refresh_catalog(self, name: str) -> None:
        catalog = self._catalogs.catalog(name)
        changed = catalog.changed_aliases(self._followed.get(name))
        if changed is None:
            return
        content, aliases = changed
        serving = {key: model for key, model in self._serving.items() if key[0] != name}
        broken = {key: error for key, error in self._broken.items() if key[0] != name}
        models, failures = self._load_all(catalog, set(aliases.targets.values()))
        for alias, model_id in aliases.targets.items():
            key = (name, alias)
            if model_id in models:
                serving[key] = models[model_id]
                continue
            broken[key] = failures[model_id]
            if key in self._serving:  # rather yesterday's model, named in every reply, than none
                serving[key] = self._serving[key]
        self._serving, self._broken = serving, broken
        self._followed[name] = content
        self._on_change()

    def _load_all(
        self, catalog: Catalog, model_ids: set[str]
    ) -> tuple[dict[str, ServingModel], dict[str, ServerError]]:
        """Return the models, and why the others would not load: one must not take all down."""
        models = {}
        failures = {}
        for model_id in sorted(model_ids):
            held = self._held((catalog.name, model_id))
            try:
                models[model_id] = held or self._load(catalog.model_path(model_id))
            except Exception as error:
                _LOG.exception("catalog %s: model %s does not load", catalog.name, model_id)
                failures[model_id] = _as_server_error(error)
        return models, failures

    def _held(self, key: Key) -> ServingModel | None:
        """Return a model that is loaded already, by its id."""
        model = self._by_id.get(key)
        if model is not None:
            return model
        for (catalog, _), serving in self._serving.items():
            if (catalog, serving.model_id) == key:
                return serving
        return None

    def _load_named(self, catalog: str, name: str) -> ServingModel:
        """Find a name that no slot has: a model id, an alias just made, or nothing at all."""
        model_id = self._catalogs.catalog(catalog, must_exist=True).resolve(name)
        if model_id == name:
            return self.load(catalog, model_id)
        with self._loading:
            self._refresh_catalog(catalog)
        key = (catalog, name)
        if key in self._serving:
            return self._serving[key]
        if key in self._broken:
            raise self._broken[key]
        raise ModelNotFound(f"catalog {catalog} has no model or alias {name}", model=name)

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_INTERVAL_S):
            try:
                self.refresh()
            except Exception:
                _LOG.exception("cannot follow the aliases; will look again")


def _as_server_error(error: Exception) -> ServerError:
    """Return an error that can be raised again at every request for the model."""
    if isinstance(error, ServerError):
        return error
    if isinstance(error, MemoryError):
        return MemoryExceeded("The model does not fit in memory.")
    return ServerError(str(error))
