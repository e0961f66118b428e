"""`shortlist embed`: the vector of a user, a history, or items."""

from __future__ import annotations

import argparse

from shortlist.client.candidates import Query
from shortlist.client.cli.options import Commands, print_json
from shortlist.client.cli.retrieve import add_query_options, features_of, history_of
from shortlist.client.clients import Shortlist


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("embed", help="the vector of a user, a history, or items")
    add_query_options(parser)
    parser.add_argument("--model", default="", help='model id or alias (default "live")')
    parser.set_defaults(run=run)


def run(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Ask and print."""
    query = Query(
        *(options.user, history_of(options.history), options.items, options.negative_items),
        features=features_of(options.features),
    )
    found = shortlist.embed([query], model=options.model)
    if options.json:
        print_json(found)
        return
    print(" ".join(f"{value:.6g}" for value in found.vectors[0]))
    print(f"\nmodel {found.model}, origin {found.origins[0]}, dim {found.vectors.shape[1]}")
    if found.missing_ids[0]:
        print(f"unknown to the model: {', '.join(found.missing_ids[0])}")
