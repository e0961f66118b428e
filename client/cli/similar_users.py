"""`shortlist similar-users`: users most like a user, or like a history."""

from __future__ import annotations

import argparse

from shortlist.client.cli.options import Commands, print_json, print_table
from shortlist.client.cli.retrieve import (
    add_features_option,
    add_history_option,
    features_of,
    history_of,
)
from shortlist.client.clients import Shortlist


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("similar-users", help="users like a user, or like a history")
    parser.add_argument("--user", default="", help="a user's id")
    add_history_option(parser)
    add_features_option(parser)
    parser.add_argument("--count", type=int, default=0, help="how many, 1 to 10000 (default 100)")
    parser.add_argument("--exclude", nargs="+", default=[], metavar="USER", help="never these")
    parser.add_argument("--model", default="", help='model id or alias (default "live")')
    parser.set_defaults(run=run)


def run(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Ask and print."""
    found = shortlist.similar_users(
        options.user,
        history=history_of(options.history),
        features=features_of(options.features),
        count=options.count,
        exclude=options.exclude,
        model=options.model,
    )
    if options.json:
        print_json(found)
        return
    print_table(["user", "cosine"], list(found))
    print(f"\nmodel {found.model}, origin {found.origin}")
    if found.missing_ids:
        print(f"unknown to the model: {', '.join(found.missing_ids)}")
