"""Writes the tables of the documents from docs/results: `./dev docs`.

A document says which rows stand where:

    <!-- results: scoring.quick; index.quick: 41k* / query -->
    <!-- end -->

Each selection is the name of a saved run, and perhaps patterns (* and ?) of jobs and metrics; the
first without any takes all rows. What stands between the two lines is replaced.
"""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from bench.report import ROOT, Row
from bench.saved.run import RESULTS, SavedRun, load

BLOCK = re.compile(r"(<!-- results: ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = ("job", "measured", "ours", "beside", "times as good", "quality")


def main() -> int:
    """Rewrite every document whose tables are not what the saved runs give."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for path in documents(ROOT):
        text = path.read_text(encoding="utf-8")
        made = rendered(text, RESULTS)
        if made != text:
            path.write_text(made, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


def documents(root: Path) -> list[Path]:
    """Return every document of the repository."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def rendered(text: str, results: Path) -> str:
    """Return a document with its tables made anew.

    Raises FileNotFoundError where a run was never saved, LookupError where no row is meant.
    """
    return BLOCK.sub(lambda block: f"{block[1]}{table(block[2], results)}{block[3]}", text)


def table(selections: str, results: Path) -> str:
    """Return the table of some selections, and below it where its figures are from."""
    rows: list[Row] = []
    sources: dict[str, None] = {}  # in the order of their first row
    for selection in selections.split(";"):
        name, _, patterns = (part.strip() for part in selection.partition(":"))
        run = load(name, results)
        job, _, metric = (part.strip() for part in patterns.partition(" / "))
        chosen = [
            row
            for row in run.rows
            if fnmatchcase(row.job, job or "*") and fnmatchcase(row.metric, metric or "*")
        ]
        if not chosen:
            raise LookupError(f"no row of {name} is {patterns!r}")
        rows += chosen
        sources[source(run)] = None
    lines = [_line(HEAD), "|" + "---|" * len(HEAD), *(_line(cells(row)) for row in rows)]
    return "\n".join([*lines, "", *(f"*{one}*\n" for one in sources)])


def cells(row: Row) -> tuple[str, ...]:
    """Return what is shown of a row."""
    unit = f" {row.unit}" if row.unit else ""
    beside = f"{number(row.peer_value)}{unit}, {row.peer}" if row.peer else ""
    ratio = "" if math.isnan(row.ratio) else number(row.ratio)
    return row.job, row.metric, f"{number(row.ours)}{unit}", beside, ratio, row.quality


def number(value: float) -> str:
    """Return three digits, more only before the point."""
    if math.isnan(value):
        return "none"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def source(run: SavedRun) -> str:
    """Return where figures are from."""
    command = " ".join(("./dev bench", run.bench, *run.arguments))
    quick = "; a quick run, of smaller jobs" if "--quick" in run.arguments else ""
    return f"`{command}` on {run.date}, commit {run.commit}, {run.machine}{quick}"


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


if __name__ == "__main__":
    sys.exit(main())
