"""The house rules that a machine can check: who may import whom, and how long a file may be."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINES_MAX = 300
# What each room may import beside the standard library and itself.
ROOMS = {
    "core": {"numpy"},
    "client": {"numpy", "grpc", "grpc_status", "google", "shortlist.v1"},
    "server": {"numpy", "pyarrow", "usearch", "lark", "shortlist.core"},
    "server/rpc": {
        *{"numpy", "pyarrow", "grpc", "grpc_status", "grpc_health", "grpc_reflection", "google"},
        *{"shortlist.v1", "shortlist.core", "shortlist.server"},
    },
}


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return "server/rpc" if parts[:2] == ("server", "rpc") else parts[0]


def sources() -> list[Path]:
    return sorted(p for room in ("core", "client", "server") for p in (ROOT / room).rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            # `from package import module` imports the module too.
            yield from (f"{node.module}.{name.name}" for name in node.names if name.name[0] == "_")


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_what_the_house_allows(path: Path) -> None:
    """Back-arrows are how a clean house turns into a ball; each one must be a decision here."""
    room = room_of(path)
    own = "shortlist." + room.replace("/", ".")
    for module in imported_modules(path):
        top = module.split(".")[0]
        scope = ".".join(module.split(".")[:2]) if top == "shortlist" else top
        allowed = (
            top in sys.stdlib_module_names
            or module in {"shortlist", own}
            or module.startswith(own + ".")
            or scope in ROOMS[room]
        )
        assert allowed, f"{room} must not import {module}"
        if room == "server" and module.startswith("shortlist.server.rpc"):
            assert path.name in {"worker.py", "__main__.py"}, (
                "only what starts a server may import rpc"
            )


def test_each_kernel_has_exactly_one_importer() -> None:
    """The module of the same name checks, the kernel trusts: a second door skips the checks."""
    importers: dict[str, set[str]] = {}
    for path in sources():
        for module in imported_modules(path):
            importers.setdefault(module, set()).add(str(path.relative_to(ROOT)))
    for source in (ROOT / "core").rglob("_*.pyx"):
        module = ".".join(("shortlist", *source.relative_to(ROOT).with_suffix("").parts))
        found = importers.get(module, set())
        assert len(found) == 1, f"{source.name} is imported by {found}"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_is_longer_than_the_wall(path: Path) -> None:
    """A file beyond the wall holds more than one concept."""
    assert len(path.read_text().splitlines()) <= LINES_MAX
