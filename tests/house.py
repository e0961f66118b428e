"""The source tree as the rules of test_house.py and test_walls.py read it."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("core", "client", "server")  # which install as shortlist.PACKAGE


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return how a path reads in an error: from the root on."""
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    named = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(("shortlist", *named) if parts[0] in PACKAGES else named)


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """Return every module that a file imports, wherever in the file.

    `from x import y` gives x.y too: y may be a module.
    """
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are absolute"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
            modules.add(node.module or "")
    return frozenset(modules)


def is_inside(module: str, *packages: str) -> bool:
    """Say whether a module is one of these or lies in one."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def imports_among(paths: list[Path]) -> dict[str, set[str]]:
    """Return which of these files each of them imports, by module.

    Its own package is not said: Python has opened that before the file.
    """
    modules = {module_of(path): path for path in paths}
    return {
        module: {
            other
            for other in imported_modules(path) & modules.keys()
            if not is_inside(module, other)
        }
        for module, path in modules.items()
    }
