"""What is installed here: the release, the commit it was built from, and which optional parts."""

import re
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import shortlist

COMMIT_NAME = "COMMIT"  # setup.py writes it where a wheel or an sdist is built from a git checkout
_OF_AN_EXTRA = re.compile(r"([\w.-]+).*;.*\bextra == [\"']([\w.-]+)[\"']")


@dataclass(frozen=True, slots=True)
class Installation:
    """This program, as its operator installed it."""

    version: str
    commit: str  # empty: not known
    extras: tuple[str, ...]  # of pyproject.toml, those whose every package is here, by name


@cache
def installation() -> Installation:
    """Return what is installed; read once a process."""
    return Installation(shortlist.__version__, _commit(), _extras())


def _commit() -> str:
    path = Path(__file__).parents[1] / COMMIT_NAME
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


def _extras() -> tuple[str, ...]:
    try:
        requirements = metadata.requires("shortlist") or []
    except metadata.PackageNotFoundError:  # run from its sources, never installed
        return ()
    packages: dict[str, list[str]] = {}
    for package, extra in filter(None, map(_package_and_extra, requirements)):
        packages.setdefault(extra, []).append(package)
    return tuple(sorted(extra for extra in packages if all(map(_is_here, packages[extra]))))


def _package_and_extra(requirement: str) -> tuple[str, str] | None:
    found = _OF_AN_EXTRA.match(requirement)
    return (found[1], found[2]) if found else None


def _is_here(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
