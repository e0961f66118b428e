"""`shortlist items`: hide, show, delete, hidden."""

from __future__ import annotations

import argparse

from shortlist.client.cli.options import Commands, print_json, print_table
from shortlist.client.clients import Shortlist


def add_parser(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("items", help="hide items, show them again, delete them")
    verbs = parser.add_subparsers(required=True, metavar="hide|show|delete|hidden")
    for verb, text in (
        ("hide", "return these no more, until they are shown"),
        ("show", "return hidden items again"),
        ("delete", "return these never again and leave them out of trainings"),
    ):
        changing = verbs.add_parser(verb, help=text)
        changing.add_argument("item_ids", nargs="+", metavar="ITEM")
        changing.set_defaults(run=change, verb=verb)
    listing = verbs.add_parser("hidden", help="what is hidden or deleted, by id")
    listing.add_argument("--page-size", type=int, default=0)
    listing.add_argument("--page-token", default="")
    listing.set_defaults(run=show_hidden)


def change(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Hide, show or delete."""
    verbs = {
        "hide": shortlist.hide_items,
        "show": shortlist.show_items,
        "delete": shortlist.delete_items,
    }
    counts = verbs[options.verb](options.item_ids)
    if options.json:
        print_json(counts)
    else:
        print(f"now {counts.hidden_count:,} hidden, {counts.deleted_count:,} deleted")


def show_hidden(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Print one page of what is hidden."""
    page = shortlist.hidden_items(page_size=options.page_size, page_token=options.page_token)
    if options.json:
        print_json(page)
        return
    rows = [(one.item_id, "deleted" if one.deleted else "hidden") for one in page.items]
    print_table(["item", "is"], rows)
    if page.next_page_token:
        print(f"more: --page-token {page.next_page_token}")
