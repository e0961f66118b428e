"""The names under the data folder are written once: two spellings of one file are two files."""

import ast
from pathlib import Path

import pytest

from shortlist.server.domain.names import is_name
from shortlist.server.storage import layout

SERVER = Path(layout.__file__).parents[1]
DATA = Path("/data")
NAMES = {
    layout.LOCK_NAME,
    layout.MANIFEST_NAME,
    layout.EXPORT_SPEC_NAME,
    layout.STAGING_PREFIX,
    layout.DELETED_PREFIX,
    layout.supervisor_lock_path(DATA).name,
    layout.jobs_path(DATA).name,
    layout.live_recall_path(DATA).name,
    layout.aliases_path(DATA).name,
    layout.hidden_path(DATA).name,
}


def joined_names(path: Path) -> set[str]:
    """Return the texts that a source joins to a path with "/", and all that are file names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and node.value in NAMES:
            found.add(str(node.value))
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Div)
            and isinstance(node.right, ast.Constant)
        ):
            found.add(str(node.right.value))
    return found


SOURCES = sorted(path for path in SERVER.rglob("*.py") if path.name != "layout.py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SERVER)))
def test_only_the_layout_names_files_of_the_data_folder(path: Path) -> None:
    folders = {"catalogs", "models", "exports", "checkpoints", "logs"}
    assert not joined_names(path) & (NAMES | folders)


def test_a_model_s_folder_tells_its_catalog() -> None:
    catalog = layout.catalogs_folder(DATA) / "pins"
    assert layout.catalog_of_model(layout.models_folder(catalog) / "blue") == catalog


def test_names_of_the_server_s_own_cannot_be_chosen_by_callers() -> None:
    for name in (layout.STAGING_PREFIX + "m", layout.DELETED_PREFIX + "m", layout.LOCK_NAME):
        assert not is_name(name)
