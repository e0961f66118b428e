"""What the documents say about themselves holds: links, paths, tables, versions, rooms."""

import re
import tomllib
from pathlib import Path

import pytest

import shortlist
from bench.saved.run import RESULTS
from bench.saved.tables import documents, rendered
from tests.document_blocks import ROOT, anchors_of, prose_of

DOCUMENTS = documents(ROOT)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDERS = ("proto", "core", "server", "client", "bench", "tests", "docs")
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`")
DECISION_LINES_MAX = 20
PAGE_LINES_MAX = 150


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    """A file that moved, or a heading with another name, leaves readers nowhere."""
    for link in LINK.findall(prose_of(path)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{link}: there is no such file"
        if anchor:
            assert anchor in anchors_of(target), f"{link}: there is no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_file_that_is_named_is_there(path: Path) -> None:
    """Files move; what names them has to move along. Capitals stand for what is to be made."""
    for named in PATH.findall(prose_of(path)):
        assert (ROOT / named).exists() or re.search(r"/(NAME|FAMILY)\b", named), named


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_tables_are_what_the_saved_runs_give(path: Path) -> None:
    """A figure that was typed has no machine, commit and date; `./dev docs` makes these anew."""
    text = path.read_text(encoding="utf-8")
    assert rendered(text, RESULTS) == text


def test_the_newest_release_is_the_version_of_the_package() -> None:
    """A cut without its version, or the other way round, would ship under a wrong name."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", changelog, flags=re.M)
    assert releases[0] == shortlist.__version__


def test_the_changelog_has_no_other_headings() -> None:
    """Added, Changed, Fixed: what a reader looks for."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^### (.*)$", changelog, flags=re.M))
    assert headings <= {"Added", "Changed", "Fixed"}


def test_architecture_is_a_page_that_names_every_room() -> None:
    """What grows belongs in docs; a room that nobody explains is found by nobody."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= PAGE_LINES_MAX
    for top in ("server", "core"):
        rooms = {init.parent.name for init in (ROOT / top).glob("*/__init__.py")}
        missing = {room for room in rooms if not re.search(rf"\b{room}\b", text)}
        assert not missing, f"rooms of {top} that ARCHITECTURE.md does not name: {missing}"


def test_decisions_are_numbered_short_and_listed() -> None:
    """Context, decision, consequences, on a screen."""
    folder = ROOT / "docs" / "decisions"
    listed = LINK.findall((folder / "README.md").read_text(encoding="utf-8"))
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert listed == files
    for number, name in enumerate(files, 1):
        assert name.startswith(f"{number:04d}-")
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        assert len(lines) <= DECISION_LINES_MAX, name
        headings = [line for line in lines if line.startswith("## ")]
        assert headings == ["## Context", "## Decision", "## Consequences"], name


def test_documents_travel_with_the_source() -> None:
    """The readme of the package links to them, and tests of an sdist read them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["readme"] == "README.md"
    manifest = (ROOT / "MANIFEST.in").read_text()
    assert "CONTRIBUTING.md" in manifest
    assert "recursive-include docs" in manifest
