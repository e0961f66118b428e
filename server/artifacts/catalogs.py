"""The models of a data folder by catalog, and the aliases that name them.

data_dir/catalogs/<catalog>/models/<model_id>/ is whole or not there: a model is made in a hidden
folder beside it and renamed. Names never begin with a dot, so hidden folders cannot be named.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shortlist.server.artifacts.aliases import (
    ALIAS_DEFAULT,
    Aliases,
    aliases_bytes,
    aliases_from_bytes,
    read_aliases,
    write_aliases,
)
from shortlist.server.artifacts.export_files import EXPORTS_NAME
from shortlist.server.artifacts.hidden import (
    HIDDEN_NAME,
    HiddenItems,
    read_hidden,
    write_hidden,
)
from shortlist.server.artifacts.manifest import Manifest, read_manifest
from shortlist.server.errors import (
    ArtifactCorrupt,
    CatalogNotFound,
    FieldInvalid,
    ModelExists,
    ModelInUse,
    ModelNotFound,
)
from shortlist.server.storage.durable import make_folder, sync_file, sync_tree

STAGING_PREFIX = ".staging-"
DELETED_PREFIX = ".deleted-"
LOCK_NAME = ".lock"
_CATALOG = re.compile(r"[a-z0-9_-]{1,64}")
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,128}")


class Catalogs:
    """The catalogs of one data folder; safe from several threads and processes."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "catalogs"

    def catalog(self, name: str, must_exist: bool = False) -> Catalog:
        """Return a catalog, one without models included. Raises CatalogNotFound (must_exist)."""
        if not _CATALOG.fullmatch(name):
            raise FieldInvalid("catalog", f"{name!r} is not [a-z0-9_-]{{1,64}}", found=name)
        folder = self._folder / name
        if must_exist and not (folder / "models").is_dir():
            raise CatalogNotFound(f"there is no catalog {name}", catalog=name)
        return Catalog(name, folder)

    def names(self) -> list[str]:
        """Return the names of the catalogs, sorted."""
        if not self._folder.is_dir():
            return []
        names = (path.parent.name for path in self._folder.glob("*/models"))
        return sorted(name for name in names if _CATALOG.fullmatch(name))

    def sweep(self) -> None:
        """Remove what interrupted trainings and deletions left; for when no training runs."""
        for name in self.names():
            self.catalog(name).sweep()


class Catalog:
    """The models and aliases of one catalog."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._models = folder / "models"

    def model_ids(self) -> list[str]:
        """Return the ids of the published models, newest first."""
        if not self._models.is_dir():
            return []
        ids = [path.name for path in self._models.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(ids, key=lambda model_id: (-self._created_ms(model_id), model_id))

    def model_path(self, model_id: str) -> Path:
        """Return the folder that a model has or would have."""
        if not _NAME.fullmatch(model_id):
            problem = f"{model_id!r} is not [A-Za-z0-9._-]{{1,128}} without a dot in front"
            raise FieldInvalid("model_id", problem, found=model_id)
        return self._models / model_id

    def export_path(self, export_id: str) -> Path:
        """Return the folder that an export has or would have."""
        if not _NAME.fullmatch(export_id):
            problem = f"{export_id!r} is not [A-Za-z0-9._-]{{1,128}} without a dot in front"
            raise FieldInvalid("export_id", problem, found=export_id)
        return self._folder / EXPORTS_NAME / export_id

    def manifest(self, model_id: str) -> Manifest:
        """Return a model's manifest. Raises ModelNotFound, ArtifactCorrupt."""
        self._check_published(model_id)
        return read_manifest(self.model_path(model_id))

    def resolve(self, name: str) -> str:
        """Return the model that a model id or an alias names; a model's own id wins.

        The empty name is the alias "live". Raises ModelNotFound.
        """
        name = name or ALIAS_DEFAULT
        if self.model_path(name).is_dir():
            return name
        target = self.aliases().targets.get(name)
        if target is None:
            raise self._not_found(name)
        return target

    def aliases(self) -> Aliases:
        """Return the aliases as they are now."""
        return read_aliases(self._folder)

    def changed_aliases(self, known: bytes | None) -> tuple[bytes | None, Aliases] | None:
        """Return the alias file and what it says, or None where it still is the `known` one."""
        content = aliases_bytes(self._folder)
        return None if content == known else (content, aliases_from_bytes(self._folder, content))

    def set_alias(self, name: str, model_id: str) -> Aliases:
        """Point an alias at a model; on the disk when this returns. Raises ModelNotFound."""
        if not _NAME.fullmatch(name):
            raise FieldInvalid("alias", f"{name!r} is not [A-Za-z0-9._-]{{1,128}}", found=name)
        with self._locked():
            self._check_published(model_id)
            before = self.aliases()
            after = Aliases(before.generation + 1, {**before.targets, name: model_id})
            write_aliases(self._folder, after)
            return after

    @property
    def hidden_path(self) -> Path:
        """The file that says what is hidden; there is none before the first change."""
        return self._folder / HIDDEN_NAME

    def hidden(self) -> HiddenItems:
        """Return what is hidden now. Raises ArtifactCorrupt."""
        return read_hidden(self.hidden_path)

    def change_hidden(self, change: Callable[[HiddenItems], HiddenItems]) -> HiddenItems:
        """Change what is hidden; on the disk when this returns. Raises what `change` raises."""
        with self._locked():
            after = change(self.hidden())
            write_hidden(self.hidden_path, after)
            return after

    def stage(self, model_id: str) -> Path:
        """Return a new hidden folder to make a model in, on the file system of the models.

        Raises ModelExists when the id is taken.
        """
        self._check_free(model_id)
        make_folder(self._models)
        staged = self._models / f"{STAGING_PREFIX}{model_id}-{secrets.token_hex(4)}"
        staged.mkdir()
        return staged

    def publish(self, staged: Path, model_id: str) -> Path:
        """Make a staged model visible, whole, in one step. Raises ModelExists."""
        target = self.model_path(model_id)
        sync_tree(staged)
        with self._locked():
            self._check_free(model_id)  # a rename would silently take an empty folder's place
            try:
                os.rename(staged, target)
            except OSError as problem:
                if problem.errno in (errno.EEXIST, errno.ENOTEMPTY):
                    raise self._taken(model_id) from problem
                raise
        sync_file(self._models)
        return target

    def delete(self, model_id: str) -> None:
        """Delete a model. Raises ModelNotFound, and ModelInUse while an alias names it.

        Who has it mapped goes on reading: the pages live until the last map is closed.
        """
        with self._locked():
            self._check_published(model_id)
            names = sorted(n for n, target in self.aliases().targets.items() if target == model_id)
            if names:
                problem = f"model {model_id} is in use by alias {', '.join(names)}"
                raise ModelInUse(problem, model=model_id, aliases=",".join(names))
            hidden = self._models / f"{DELETED_PREFIX}{model_id}-{secrets.token_hex(4)}"
            os.rename(self.model_path(model_id), hidden)
        sync_file(self._models)
        shutil.rmtree(hidden)

    def sweep(self) -> None:
        """Remove what interrupted trainings and deletions left; for when no training runs."""
        if not self._models.is_dir():
            return
        for path in self._models.iterdir():
            if path.name.startswith((STAGING_PREFIX, DELETED_PREFIX)):
                shutil.rmtree(path)

    def _created_ms(self, model_id: str) -> int:
        """Return when a model was made; one that is broken or just deleted must not hide others."""
        try:
            return read_manifest(self.model_path(model_id)).created_ms
        except ArtifactCorrupt:
            return 0

    def _check_published(self, model_id: str) -> None:
        if not self.model_path(model_id).is_dir():
            raise self._not_found(model_id)

    def _check_free(self, model_id: str) -> None:
        if self.model_path(model_id).exists():
            raise self._taken(model_id)

    def _not_found(self, name: str) -> ModelNotFound:
        problem = f"catalog {self.name} has no model or alias {name}"
        return ModelNotFound(problem, catalog=self.name, model=name)

    def _taken(self, model_id: str) -> ModelExists:
        problem = f"catalog {self.name} has a model {model_id} already"
        return ModelExists(problem, catalog=self.name, model=model_id)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one thread of one process change the names; the kernel frees it however we end."""
        make_folder(self._folder)
        with (self._folder / LOCK_NAME).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
