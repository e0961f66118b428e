"""Runs one benchmark and keeps what it printed: `./dev bench NAME [--quick] --save`.

docs/results/NAME.json, of a quick run NAME.quick.json, holds the arguments, machine, commit, date
and rows. A run that fails, or has no rows, leaves the file as it was. Every benchmark can be kept:
this reads the rows that --json prints, whatever else the benchmark does.
"""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.report import HEADER, ROOT, Row, commit, line_of, machine

RESULTS = ROOT / "docs" / "results"


@dataclass(frozen=True, slots=True)
class SavedRun:
    """One run of one benchmark."""

    bench: str
    arguments: tuple[str, ...]
    machine: str
    commit: str
    date: str  # of its end, UTC, ISO 8601
    rows: tuple[Row, ...]


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark of arguments[0] with the others, and save it."""
    name, options = arguments[0], tuple(option for option in arguments[1:] if option != "--save")
    measured = commit()  # the run may take long enough for another one to come
    print(f"{name}: {machine()}, commit {measured}\n{HEADER}", flush=True)
    rows = rows_of([sys.executable, "-m", f"bench.{name}", *options, "--json"])
    if not rows:
        print(f"{name}: failed or printed no rows; nothing was saved", file=sys.stderr)
        return 1
    today = datetime.now(UTC).date().isoformat()
    run = SavedRun(name, options, machine(), measured, today, rows)
    path = save(run, RESULTS)
    print(f"saved as {path.relative_to(ROOT)}; ./dev docs writes the tables that are made of it")
    return 0


def rows_of(command: Sequence[str]) -> tuple[Row, ...]:
    """Run a command that prints one JSON object a line, show them, and return them as rows.

    Lines that are no JSON, such as what is left out because its data is missing, are shown only.
    Returns none where the command fails.
    """
    rows = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("{"):
                rows.append(_row(json.loads(line)))
                print(line_of(rows[-1]), flush=True)
            else:
                print(line, end="", flush=True)
    return tuple(rows) if running.returncode == 0 else ()


def save(run: SavedRun, folder: Path) -> Path:
    """Write a run and return its file."""
    quick = ".quick" if "--quick" in run.arguments else ""
    path = folder / f"{run.bench}{quick}.json"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{name: _number(value) for name, value in asdict(row).items()} for row in run.rows]
    text = json.dumps(asdict(run) | {"rows": rows}, indent=1, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def load(name: str, folder: Path) -> SavedRun:
    """Return the run that `save` wrote as NAME.json. Raises FileNotFoundError where none was."""
    stored = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    rows = tuple(map(_row, stored["rows"]))
    return SavedRun(**stored | {"arguments": tuple(stored["arguments"]), "rows": rows})


def _row(stored: dict[str, Any]) -> Row:
    """Return a row as a benchmark prints it: null where there is no number."""
    row: dict[str, Any] = {"ours": math.nan, "peer_value": math.nan, "ratio": math.nan}
    row |= {"peer": "", "quality": ""}
    row |= {name: value for name, value in stored.items() if value is not None}
    return Row(**row)


def _number(value: object) -> object:
    """Return what JSON knows, numbers with five digits: no benchmark repeats itself closer."""
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else float(f"{value:.5g}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
