"""What README and docs/using tell their readers to type runs, from top to bottom, as printed.

Each document has a folder with small files of the names that it uses, and a server of its own. Its
address stands for localhost:50051. Only what NOT_RUN names is not run.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from shortlist.server.config import read_settings
from tests.document_blocks import ROOT, Block, blocks_of, commands_of
from tests.document_data import ADDRESS, Shell, write_data

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs" / "using").glob("*.md"))]
SERVE = "shortlist serve "
READERS = 3  # documents at a time
NOT_RUN = {
    "./dev demo": "makes an environment and compiles; bench/demo.py does what README does here",
    "./dev test": "is what runs this",
    "pip install .": "tests/test_packaging.py installs a wheel into a clean environment",
}


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Future[None]]]:
    """Every document being read, several at a time: each mostly waits for processes."""
    with ThreadPoolExecutor(READERS) as readers:
        folders = {path: tmp_path_factory.mktemp(path.stem) for path in DOCUMENTS}
        yield {path: readers.submit(read, path, folder) for path, folder in folders.items()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_runs_from_top_to_bottom(path: Path, readings: dict[Path, Future[None]]) -> None:
    """A reader who copies every block, in order, gets no error."""
    readings[path].result()


def read(path: Path, folder: Path) -> None:
    """Type what a document says, in a folder with the data that it names."""
    write_data(folder)
    shell = Shell(folder)
    try:
        follow(path, shell)
    finally:
        shell.stop()


def follow(path: Path, shell: Shell) -> None:
    blocks = blocks_of(path)
    if not any(block.text.startswith(SERVE) or f"\n{SERVE}" in block.text for block in blocks):
        shell.serve("shortlist serve --data-dir ./data --data-root .")  # README says how
    names: dict[str, Any] = {"__name__": "__main__"}  # of all the Python blocks of a document
    for block in blocks:
        if block.language == "shell":
            run_shell(block, shell)
        elif block.language == "python":
            run_python(block, shell.target, names)
        elif block.language == "toml":
            settings = shell.folder / "shortlist.toml"
            settings.write_text(block.text)
            read_settings(settings)  # an unknown key would be an error


def run_shell(block: Block, shell: Shell) -> None:
    for command in commands_of(block):
        if not_run(command):
            continue
        assert command.startswith("shortlist "), f"{block}: neither run nor in NOT_RUN: {command}"
        if command.startswith(SERVE):
            shell.serve(command)
        else:
            shell.type(command)


def run_python(block: Block, target: str, names: dict[str, Any]) -> None:
    """Run a block with the names of those before; an error tells its line in the document."""
    text = "\n" * (block.line - 1) + block.text.replace(ADDRESS, target)
    exec(compile(text, str(block.path), "exec"), names)


def not_run(command: str) -> bool:
    return command.split("  ", maxsplit=1)[0].strip() in NOT_RUN


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_block_says_what_it_is(path: Path) -> None:
    """A block of another language, or of none, would be run by nobody."""
    for block in blocks_of(path):
        assert block.language in {"shell", "python", "toml", "text"}, block


def test_nothing_is_left_out_that_the_documents_do_not_say() -> None:
    """An exception that nothing needs any more would hide the next block of that name."""
    typed = {
        command.split("  ")[0].strip()
        for path in DOCUMENTS
        for block in blocks_of(path)
        if block.language == "shell"
        for command in commands_of(block)
    }
    assert set(NOT_RUN) <= typed
