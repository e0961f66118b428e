"""Plain words stay plain: what the domain needs of the server is nearly nothing."""

import ast
from pathlib import Path

import pytest

from shortlist.server import domain

ALLOWED = (
    "shortlist.core",
    "shortlist.server.domain",
    "shortlist.server.errors",
    "shortlist.server.storage.plain",
    "shortlist.server.trainers.registry",  # which algorithms there are, with their settings
)


@pytest.mark.parametrize(
    "path", sorted(Path(domain.__file__).parent.glob("*.py")), ids=lambda path: path.name
)
def test_the_domain_imports_no_code_that_runs_it(path: Path) -> None:
    """A dataclass beside what opens files drags pyarrow into whoever wants to name a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("pyarrow") for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            assert not module.startswith("pyarrow")
            assert not module.startswith("shortlist.") or module.startswith(ALLOWED), module
