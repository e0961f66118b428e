"""`shortlist info`: what the server is."""

from __future__ import annotations

import argparse

from shortlist.client.cli.options import Commands, print_json
from shortlist.client.clients import Shortlist
from shortlist.v1 import CONTRACT_REVISION


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("info", help="what the server is: release, commit, algorithms")
    parser.set_defaults(run=run)


def run(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Ask and print."""
    found = shortlist.server_info()
    if options.json:
        print_json(found)
        return
    print(f"version     {found.version}")
    print(f"commit      {found.commit or 'not known'}")
    print(f"contract    revision {found.contract_revision}, this client's {CONTRACT_REVISION}")
    print(f"algorithms  {', '.join(found.algorithms)}")
    print(f"extras      {', '.join(found.extras) or 'none'}")
