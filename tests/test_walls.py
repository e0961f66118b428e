"""How long files and functions may be, and that tests lie as what they test does."""

import ast
from pathlib import Path

import pytest

from tests.house import ROOT, imported_modules, is_inside, module_of, name_of, sources

FOLDERS = ("core", "client", "server", "bench", "tests")
LINES_MAX = 300
KERNEL_LINES_MAX = 250  # of Cython and C
FUNCTION_LINES_MAX = 60
COLUMNS_MAX = 100


def stubs() -> list[Path]:
    """Return what mypy reads instead of the kernels."""
    return sorted((ROOT / "core").rglob("_*.pyi"))


def kernels() -> list[Path]:
    """Return the files of Cython and C."""
    endings = ("*.pyx", "*.pxd", "*.h", "*.c")
    return sorted(
        p for folder in FOLDERS for ending in endings for p in (ROOT / folder).rglob(ending)
    )


def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def own_modules(test: Path) -> set[str]:
    """Return what a test imports, also by way of other files of the tests."""
    modules: set[str] = set()
    left = [test]
    while left:
        fresh = imported_modules(left.pop()) - modules
        modules |= fresh
        files = (ROOT / Path(*module.split(".")).with_suffix(".py") for module in fresh)
        left += [path for path in files if path.exists() and path.is_relative_to(ROOT / "tests")]
    return modules


@pytest.mark.parametrize("path", sources(*FOLDERS), ids=name_of)
def test_no_file_is_longer_than_the_wall(path: Path) -> None:
    """A file beyond the wall holds more than one concept."""
    assert line_count(path) <= LINES_MAX


@pytest.mark.parametrize("path", [*kernels(), *stubs()], ids=name_of)
def test_no_line_of_a_kernel_is_wider_than_a_line_of_python(path: Path) -> None:
    """What ruff holds for Python; clang-format leaves a comment or a text as wide as it is."""
    wide = [n for n, line in enumerate(path.read_text().splitlines(), 1) if len(line) > COLUMNS_MAX]
    assert not wide


@pytest.mark.parametrize("path", kernels(), ids=name_of)
def test_no_kernel_is_longer_than_its_wall(path: Path) -> None:
    """Loops over pointers are read slower than other lines."""
    assert line_count(path) <= KERNEL_LINES_MAX


def test_no_function_is_longer_than_a_screen() -> None:
    """What does not fit a screen is not seen as a whole; the excused ones must be there."""
    long = {
        f"{name_of(path)} {node.name}"
        for path in sources("core", "client", "server", "bench")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
    }
    assert not long


@pytest.mark.parametrize("package", ["core", "server"])
def test_every_folder_of_tests_is_a_room(package: str) -> None:
    """A test is found where what it tests is found."""
    rooms = {path.name for path in (ROOT / package).iterdir()}
    tested = {path.name for path in (ROOT / "tests" / package).iterdir() if path.is_dir()}
    assert tested - {"__pycache__"} <= rooms


@pytest.mark.parametrize(
    "test",
    [path for path in sources("tests/core", "tests/server") if path.name.startswith("test_")],
    ids=name_of,
)
def test_a_test_lies_in_the_room_that_it_tests(test: Path) -> None:
    """It imports something of that room, or is called as a file there that it runs."""
    room = ROOT / test.parent.relative_to(ROOT / "tests")
    tested = room / test.name.removeprefix("test_")
    assert tested.exists() or any(is_inside(m, module_of(room)) for m in own_modules(test))
