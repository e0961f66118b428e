"""`shortlist export`: candidates of every user, or related items of every item, as Parquet."""

from __future__ import annotations

import argparse
import sys

from shortlist.client.cli.options import Commands, print_json
from shortlist.client.clients import Shortlist
from shortlist.client.exports import ExportProgress

_WIDTH = 24


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "export", help="write the candidates of all users, or of all items, on the server"
    )
    parser.add_argument("kind", choices=["users", "items"])
    parser.add_argument("--count", type=int, default=0, help="of each, 1 to 1000 (default 100)")
    parser.add_argument("--include-seen", action="store_true", help="also what users have seen")
    parser.add_argument("--export-id", default="", help="name; one that exists is gone on with")
    parser.add_argument("--model", default="", help='model id or alias (default "live")')
    parser.set_defaults(run=run)


def run(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Follow the export to its end; Ctrl-C stops it, and the same command goes on with it."""
    redraws = sys.stderr.isatty()
    progress = None
    for progress in shortlist.export_candidates(
        options.kind,
        count=options.count,
        include_seen=options.include_seen,
        export_id=options.export_id,
        model=options.model,
    ):
        start, end = ("\r\x1b[2K", "") if redraws else ("", "\n")
        print(f"{start}{describe(progress)}", end=end, file=sys.stderr, flush=True)
    if redraws:
        print(file=sys.stderr)
    if progress is None:
        print("nothing to export")
    elif options.json:
        print_json(progress)
    else:
        print(f"{progress.path}: {progress.row_count:,} {options.kind} by model {progress.model}")


def describe(progress: ExportProgress) -> str:
    """Return one line: bar, counts, size, time left."""
    filled = _WIDTH * progress.row_count // max(1, progress.total_row_count)
    bar = f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"
    size = f"{progress.size_bytes / 1e6:,.1f} MB"
    parts = [bar, f"{progress.row_count:,}/{progress.total_row_count:,}", size]
    if progress.seconds_left >= 0:
        parts.append(f"{progress.seconds_left:.0f} s left")
    return "  ".join(parts)
