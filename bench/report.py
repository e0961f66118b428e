"""What every benchmark prints: one row a job, ours beside a peer measured in the same run."""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = f"{'job':44} {'metric':22} {'ours':>12} {'peer':>12}  {'':26} {'ratio':>7}  quality"


@dataclass(frozen=True, slots=True)
class Row:
    """One job of one benchmark. `ratio` > 1 means that we are better, whatever the unit."""

    bench: str
    job: str
    metric: str
    unit: str
    ours: float
    peer: str
    peer_value: float
    ratio: float
    quality: str


class Report:
    """Prints rows as they come: aligned for people, one JSON object a line for programs."""

    def __init__(self, bench: str, *, as_json: bool) -> None:
        self._bench = bench
        self._as_json = as_json
        if not as_json:
            print(f"{bench}: {machine()}, commit {commit()}")
            print(HEADER)

    def row(
        self,
        job: str,
        metric: str,
        unit: str,
        ours: float,
        *,
        peer: str = "",
        peer_value: float = float("nan"),
        smaller_is_better: bool = True,
        quality: str = "",
    ) -> Row:
        """Print and return one row; without a peer the ratio is not a number (JSON: null)."""
        ratio = peer_value / ours if smaller_is_better else ours / peer_value
        row = Row(self._bench, job, metric, unit, ours, peer, peer_value, ratio, quality)
        if self._as_json:
            values = {k: None if _is_nan(v) else v for k, v in asdict(row).items()}
            print(json.dumps(values), flush=True)
        else:
            print(line_of(row), flush=True)
        return row


def line_of(row: Row) -> str:
    """Return a row below HEADER."""
    beside = (
        f"{row.peer_value:12.5g}  {row.peer:26} {row.ratio:6.2f}x"
        if row.peer
        else f"{'':12}  {'':26} {'':7}"
    )
    measured = f"{row.metric} [{row.unit}]"
    return f"{row.job:44} {measured:22} {row.ours:12.5g} {beside}  {row.quality}"


def _is_nan(value: object) -> bool:
    """JSON has no number that is none."""
    return isinstance(value, float) and math.isnan(value)


def arguments(description: str) -> argparse.Namespace:
    """Parse --quick and --json, which every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="smaller jobs; ends within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser.parse_args()


def data_folder(name: str) -> Path | None:
    """Return a folder of real data, or None where it is missing (then use generated data)."""
    root = Path(os.environ.get("SHORTLIST_DATA", ROOT.parent / "shared" / "data"))
    folder = root / name
    return folder if folder.is_dir() else None


def median_seconds(work: Callable[[], object], *, repeat: int = 5) -> float:
    """Return the median wall time of `repeat` calls, after one call that does not count."""
    work()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def in_turns(
    runs: Mapping[str, Callable[[], object]], turns: int = 5, turn_s: float = 0.01
) -> dict[str, float]:
    """Return the median seconds of each, run in turns so that noise meets all of them alike.

    A turn is calls for turn_s that do not count, then calls for twice as long that do: a server
    answers with its own items in the cache, not with those of seven libraries.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            _timed(run, turn_s)
            times[name] += _timed(run, 2 * turn_s)
    return {name: statistics.median(taken) for name, taken in times.items()}


def _timed(run: Callable[[], object], seconds: float) -> list[float]:
    """Call for so long, at least once; return what each call took."""
    times: list[float] = []
    while not times or sum(times) < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def machine() -> str:
    """Return processor and cores, so that a figure can be placed later."""
    processor = platform.processor() or platform.machine()
    for line in (
        Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ()
    ):
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    return f"{processor}, {len(os.sched_getaffinity(0))} cores"


def commit() -> str:
    """Return the commit that is measured, and whether files differ from it."""
    revision = _git("rev-parse", "--short", "HEAD")
    if not revision:
        return "unknown"
    sources = ("core", "server", "client", "proto", "bench", "setup.py")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *sources)
    return f"{revision} with changes" if changed else revision


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
