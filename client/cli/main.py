"""`shortlist`: reads the command line, runs one command, turns errors into a line and an exit code.

Exit codes: 0 done, 1 the server refused or a training failed, 2 the command line is wrong,
3 nobody answers, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from shortlist.client.cli import (
    embed,
    evaluate,
    export,
    info,
    items,
    jobs,
    models,
    retrieve,
    serve,
    similar_users,
    train,
)
from shortlist.client.clients import Shortlist
from shortlist.client.errors import DeadlineExceeded, ShortlistClientError, Unavailable

COMMANDS = (
    serve,
    train,
    retrieve,
    similar_users,
    embed,
    evaluate,
    export,
    items,
    models,
    jobs,
    info,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "serve" in given[:1]:
        return serve.execute(given[1:])
    shared, rest = _shared_options().parse_known_args(given)  # wherever they stand
    options = build_parser().parse_args(rest, shared)
    try:
        with Shortlist(
            options.target, catalog=options.catalog, timeout_s=options.timeout
        ) as shortlist:
            return int(options.run(shortlist, options) or 0)
    except ShortlistClientError as error:
        print(f"shortlist: {describe(error, options.target)}", file=sys.stderr)
        return 3 if isinstance(error, Unavailable | DeadlineExceeded) else 1
    except (ValueError, TypeError) as error:
        print(f"shortlist: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        sys.stderr.close()
        return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="shortlist",
        description="Candidate generation: train, embed, retrieve.",
        parents=[_shared_options()],
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def _shared_options() -> argparse.ArgumentParser:
    """Return the parser of what every command takes, before it or behind it."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    target = os.environ.get("SHORTLIST_TARGET", "localhost:50051")
    parser.add_argument(
        "--target", default=target, metavar="HOST:PORT", help=f"the server (default {target})"
    )
    parser.add_argument("--catalog", default="", help='catalog (default "default")')
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="S", help="seconds a call may take"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def describe(error: ShortlistClientError, target: str) -> str:
    """Return an error as one readable line."""
    if isinstance(error, Unavailable) and not error.reason:
        return f"no server answers at {target} (start one: shortlist serve --data-dir DIR)"
    reason = f" [{error.reason}]" if error.reason else ""
    return f"{error}{reason}"


if __name__ == "__main__":
    sys.exit(main())
