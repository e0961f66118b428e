"""aliases.json: which model each alias of a catalog names, replaced whole with every change."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from shortlist.core.errors import DataInvalid
from shortlist.server.errors import ArtifactCorrupt
from shortlist.server.storage.durable import replace_text
from shortlist.server.storage.layout import aliases_path
from shortlist.server.storage.plain import from_plain, to_plain


@dataclass(frozen=True, slots=True)
class Aliases:
    """The aliases of one catalog at one moment."""

    generation: int = 0  # grows by one with every change; 0 before the first
    targets: dict[str, str] = field(default_factory=dict)  # model id by alias


def read_aliases(folder: Path) -> Aliases:
    """Return the aliases of the catalog in `folder`; none before the first was set."""
    return aliases_from_bytes(folder, aliases_bytes(folder))


def aliases_bytes(folder: Path) -> bytes | None:
    """Return the file as it is, None where there is none: enough to see whether it changed."""
    try:
        return aliases_path(folder).read_bytes()
    except FileNotFoundError:
        return None


def aliases_from_bytes(folder: Path, content: bytes | None) -> Aliases:
    """Return the aliases that a file of the catalog in `folder` holds. Raises ArtifactCorrupt."""
    if content is None:
        return Aliases()
    try:
        return from_plain(Aliases, json.loads(content))
    except (ValueError, DataInvalid) as problem:
        path = aliases_path(folder)
        raise ArtifactCorrupt(f"{path}: {problem}", file=path) from problem


def write_aliases(folder: Path, aliases: Aliases) -> None:
    """Replace the aliases of the catalog in `folder`; the caller holds the catalog's lock."""
    replace_text(aliases_path(folder), json.dumps(to_plain(aliases), indent=2) + "\n")
