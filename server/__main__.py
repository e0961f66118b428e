"""`python -m shortlist.server serve --data-dir DIR`: starts the server."""

import argparse
import logging
import os
import sys
from pathlib import Path

from shortlist.core.errors import SettingInvalid
from shortlist.server.config import (
    LOG_LEVELS,
    UNKNOWN_FIELDS,
    Settings,
    read_settings,
    settings_from_text,
    with_overrides,
)
from shortlist.server.processes.supervisor import supervise


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands; return the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        if parsed.command == "serve":
            settings = _settings(parsed)
            _start_log(settings)
            return supervise(settings)
        # Here, not above: the supervisor must not load grpc.
        from shortlist.server.processes.worker import run_worker

        settings = settings_from_text(parsed.settings)
        _start_log(settings)
        return run_worker(settings)
    except SettingInvalid as problem:
        print(f"shortlist serve: {problem}", file=sys.stderr)
        return 2


def _start_log(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.server.log_level,
        format="%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s",
    )


def _settings(parsed: argparse.Namespace) -> Settings:
    settings = read_settings(parsed.config)
    settings = with_overrides(
        settings,
        "server",
        host=parsed.host,
        port=parsed.port,
        workers=parsed.workers,
        threads=parsed.threads,
        unknown_fields=parsed.unknown_fields,
        log_level=parsed.log_level,
    )
    roots = None if parsed.data_root is None else tuple(parsed.data_root)
    settings = with_overrides(
        settings,
        "monitoring",
        recall_share=parsed.recall_share,
        metrics_port=parsed.metrics_port,
    )
    return with_overrides(settings, "data", dir=parsed.data_dir, roots=roots)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shortlist.server", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="start the server")
    serve.add_argument("--data-dir", type=Path, metavar="DIR", help="models, aliases and jobs")
    serve.add_argument("--config", type=Path, metavar="FILE", help="shortlist.toml")
    serve.add_argument("--host", help="address to listen at (127.0.0.1)")
    serve.add_argument("--port", type=int, help="port (50051); 0: any free one")
    serve.add_argument("--workers", type=int, help="serving processes (1)")
    serve.add_argument(
        "--data-root",
        action="append",
        metavar="PATH",
        help="folder or URI prefix that trainings may read; repeat for more (working directory)",
    )
    serve.add_argument("--threads", type=int, help="serving threads a worker (4)")
    serve.add_argument(
        "--recall-share",
        type=float,
        help="of approximate searches, answered exactly again to measure recall (0.01)",
    )
    serve.add_argument("--metrics-port", type=int, help="of GET /metrics, Prometheus text (none)")
    serve.add_argument(
        "--unknown-fields",
        choices=UNKNOWN_FIELDS,
        help="what becomes of a request with fields that this server does not know (refuse)",
    )
    serve.add_argument("--log-level", choices=LOG_LEVELS, help="DEBUG: one line a call")
    worker = commands.add_parser("worker")  # started by the supervisor only
    worker.add_argument("settings")
    return parser


if __name__ == "__main__":
    exit_status = main()
    logging.shutdown()
    sys.stdout.flush()
    # Python would wait for a worker's threads that still compute for callers that are gone, and
    # spend more time on taking itself apart than the whole stop takes.
    os._exit(exit_status)
