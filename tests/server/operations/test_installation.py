"""What is installed, read from the installation itself."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import shortlist
from shortlist.server.operations.installation import COMMIT_NAME, installation

ROOT = Path(__file__).resolve().parents[3]


def is_here(requirement: str) -> bool:
    name = re.split(r"[<>=;! ]", requirement)[0]
    return bool(list(metadata.distributions(name=name)))


def test_an_extra_is_installed_where_all_its_packages_are() -> None:
    """These tests run with the extra `test`, so that one at least is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    expected = sorted(name for name, packages in extras.items() if all(map(is_here, packages)))
    assert list(installation().extras) == expected
    assert "test" in expected


def test_the_version_is_that_of_the_package() -> None:
    assert installation().version == shortlist.__version__


def test_a_checkout_that_was_not_built_claims_no_commit() -> None:
    """What stood in a file here would be the commit of some earlier day."""
    assert not (ROOT / "server" / COMMIT_NAME).exists()
    assert installation().commit == ""
