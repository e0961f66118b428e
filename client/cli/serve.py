"""`shortlist serve`: becomes the server process; all options are the server's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from shortlist.client.cli.options import Commands


def add_parser(commands: Commands) -> None:
    """List the command in the help; main hands its arguments on unread."""
    commands.add_parser("serve", help="run a server (its own --help)", add_help=False)


def execute(arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the server, which alone imports the server's packages."""
    command = [sys.executable, "-m", "shortlist.server", "serve", *arguments]
    os.execv(sys.executable, command)
