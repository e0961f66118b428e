"""The house rules that a machine can check: who may import whom, and who may know of what."""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.house import (
    PACKAGES,
    ROOT,
    imported_modules,
    imports_among,
    is_inside,
    module_of,
    name_of,
    sources,
)

# What each package may import beside the standard library and itself.
ALLOWED = {
    "core": {"numpy"},
    "client": {"numpy", "grpc", "grpc_status", "google", "shortlist.v1"},
    "server": {"numpy", "pyarrow", "usearch", "lark", "shortlist.core"},
    "server/rpc": {
        *{"numpy", "pyarrow", "grpc", "grpc_status", "grpc_health", "grpc_reflection", "google"},
        *{"shortlist.v1", "shortlist.core", "shortlist.server"},
    },
}
# The rooms of the server, lowest first: each imports only rooms before it.
ROOMS = (
    *("errors", "storage", "domain", "reasons", "config"),
    *("reading", "filters", "features", "encoders", "trainers"),
    *("artifacts", "index", "jobs", "evaluation", "training"),
    *("serving", "retrieval", "exporting", "operations", "rpc", "processes", "__main__"),
)
# Arrows that still point up, {(file, room)}. Only ever shorten this.
UPWARD_NOT_YET = {
    ("server/domain/query.py", "features"),
    ("server/domain/query.py", "filters"),
    ("server/domain/training.py", "reading"),
    ("server/domain/training.py", "trainers"),
    ("server/serving/serving_model.py", "retrieval"),
}
# Where algorithms are known by name; `Popularity` and `neighbours` are also words of other rooms.
ALGORITHM_ROOMS = ("server/trainers/", "server/encoders/", "server/domain/algorithms.py")
ALGORITHM_NAMES = {"wals", "sgd", "svd", "ratings", "distilled"}
ALGORITHM_CLASSES = ("Wals", "Sgd", "Svd", "RatingParams", "RatingFactors", "Distilled")
SOLVERS = tuple(
    f"shortlist.core.{module}"
    for module in (
        *("wals", "sgd", "ratings", "distillation", "linear.svd"),
        *("counts.neighbours", "counts.user_neighbours"),
    )
)
# Files outside those rooms that still know an algorithm or its solver. Only ever shorten these.
SOLVERS_NOT_YET = {
    "server/domain/training.py",
    "server/domain/tuning.py",
    "server/evaluation/measure.py",
    "server/features/features.py",
    "server/retrieval/user_prior.py",
    "server/serving/serving_model.py",
}
NAMES_NOT_YET = {
    "server/domain/training.py",
    "server/rpc/algorithm_messages.py",
    "server/training/warm_start.py",
}


def package_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return "server/rpc" if parts[:2] == ("server", "rpc") else parts[0]


def room_of(module: str) -> str:
    """Return the room of a module of shortlist.PACKAGE: its folder, or the file at the top."""
    return module.split(".")[2]


def inner_imports(package: str) -> dict[str, set[str]]:
    """Return imports_among a package's files, its own __init__ left out."""
    return imports_among([p for p in sources(package) if p != ROOT / package / "__init__.py"])


def circle_in(arrows: dict[str, set[str]]) -> list[str]:
    """Return the nodes of a circle in the order they lead to one another; none: no circle."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as circle:
        return list(circle.args[1])
    return []


def upward_arrows() -> set[tuple[str, str]]:
    """Return {(file, room)} of every import of a room that does not come before the file's own."""
    arrows = set()
    for path in sources("server"):
        module = module_of(path)
        if module == "shortlist.server":
            continue
        place = ROOMS.index(room_of(module))
        for other in imported_modules(path):
            if other.startswith("shortlist.server.") and ROOMS.index(room_of(other)) > place:
                arrows.add((name_of(path), room_of(other)))
    return arrows


def outside_algorithm_rooms() -> list[Path]:
    return [p for p in sources("server") if not name_of(p).startswith(ALGORITHM_ROOMS)]


def named_algorithms(path: Path) -> set[str]:
    """Return what a file says of single algorithms: their names as texts, their classes."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    texts = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    words = {node.id for node in nodes if isinstance(node, ast.Name)}
    words |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return (texts & ALGORITHM_NAMES) | {w for w in words if w.startswith(ALGORITHM_CLASSES)}


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=name_of)
def test_a_package_imports_only_what_the_house_allows(path: Path) -> None:
    """Back-arrows are how a clean house turns into a ball; each one must be a decision here."""
    package = package_of(path)
    own = "shortlist." + package.replace("/", ".")
    for module in imported_modules(path):
        allowed = (
            module.split(".")[0] in sys.stdlib_module_names
            or module in {"shortlist", "shortlist.__version__"}
            or is_inside(module, own, *ALLOWED[package])
        )
        assert allowed, f"{package} must not import {module}"
        if package == "server" and is_inside(module, "shortlist.server.rpc"):
            assert path.name in {"worker.py", "__main__.py"}, (
                "only what starts a server may import rpc"
            )


def test_every_room_of_the_server_has_its_place() -> None:
    """A room that nobody placed has no rule to break."""
    rooms = {room_of(module) for module in inner_imports("server")}
    assert rooms <= set(ROOMS), "say in ROOMS what it may import"


def test_a_room_imports_only_rooms_before_it() -> None:
    """With an order of all rooms, what one does can be read without those behind it."""
    assert upward_arrows() - UPWARD_NOT_YET == set()


def test_every_upward_arrow_that_is_excused_is_there() -> None:
    """An excuse that nobody needs would let the arrow come back."""
    assert UPWARD_NOT_YET - upward_arrows() == set()


def test_no_file_imports_itself_by_way_of_others() -> None:
    """Two files in a circle are one file with a seam in the wrong place."""
    assert circle_in(imports_among(sources(*PACKAGES, "bench", "tests"))) == []


@pytest.mark.parametrize("package", ["core", "client"])
def test_no_folder_imports_itself_by_way_of_others(package: str) -> None:
    """The server's rooms have an order; here it is enough that there is one."""
    arrows: dict[str, set[str]] = {}
    for module, others in inner_imports(package).items():
        room = room_of(module)
        arrows.setdefault(room, set()).update({room_of(other) for other in others} - {room})
    assert circle_in(arrows) == []


def test_a_circle_is_seen_where_there_is_one() -> None:
    """The rules above are worth what this is: a look for circles that never finds any is none."""
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) in (["b", "c", "b"], ["c", "b", "c"])


def test_only_trainers_and_encoders_import_solvers() -> None:
    """Who solves for an algorithm outside them rewrites what they do, and drifts from it."""
    importers = {
        name_of(path)
        for path in outside_algorithm_rooms()
        if any(is_inside(module, *SOLVERS) for module in imported_modules(path))
    }
    assert importers == SOLVERS_NOT_YET


def test_only_trainers_and_encoders_name_an_algorithm() -> None:
    """Where a name is asked for, the next algorithm has to be written in again."""
    named = {name_of(path): named_algorithms(path) for path in outside_algorithm_rooms()}
    assert {name for name, words in named.items() if words} == NAMES_NOT_YET, named


@pytest.mark.parametrize("kernel", sorted((ROOT / "core").rglob("*.pyx")), ids=name_of)
def test_a_kernel_is_imported_by_the_file_of_its_name_alone(kernel: Path) -> None:
    """The module of the same name checks, the kernel trusts: a second door skips the checks."""
    importers = [
        path for path in sources(*PACKAGES, "bench") if module_of(kernel) in imported_modules(path)
    ]
    assert importers == [kernel.with_name(kernel.stem.removeprefix("_") + ".py")]
    assert kernel.with_suffix(".pyi").exists()
