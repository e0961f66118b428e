"""What the documents tell their readers to type, block by block, and where their headings are."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FENCE = "```"


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    path: Path
    line: int  # of its first line, from 1
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def blocks_of(path: Path) -> list[Block]:
    """Return every fenced block of a document, in their order."""
    found: list[Block] = []
    opened: tuple[int, str] | None = None
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if not line.startswith(FENCE):
            continue
        if opened is None:
            opened = (number + 1, line.removeprefix(FENCE).strip())
        else:
            first, language = opened
            text = "\n".join(lines[first:number])
            found.append(Block(path, first + 1, language, text))
            opened = None
    assert opened is None, f"{path}: a block does not end"
    return found


def commands_of(block: Block) -> list[str]:
    """Return the commands of a shell block, those that go on after a backslash as one."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def prose_of(path: Path) -> str:
    """Return a document without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors_of(path: Path) -> set[str]:
    """Return what a link may name behind the # of a document: its headings as GitHub has them."""
    headings = re.findall(r"^#+ (.*)$", prose_of(path), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
