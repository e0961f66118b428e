"""`shortlist retrieve`: candidates for a user, a history, items."""

from __future__ import annotations

import argparse
from datetime import datetime

from shortlist.client.candidates import Candidates, Diversity, Event, History
from shortlist.client.cli.options import Commands, print_json, print_table
from shortlist.client.cli.restrictions import add_restriction_options, restrictions_of
from shortlist.client.clients import Shortlist


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("retrieve", help="candidates for a user, a history, or items")
    add_query_options(parser)
    parser.add_argument(
        "--segment", default="", help="of the user: what is popular there, for strangers"
    )
    parser.add_argument("--count", type=int, default=0, help="how many, 1 to 10000 (default 100)")
    parser.add_argument("--exclude", nargs="+", default=[], metavar="ITEM", help="never these")
    parser.add_argument("--include-seen", action="store_true", help="also what the user has seen")
    parser.add_argument(
        "--candidates", nargs="+", default=[], metavar="ITEM", help="score only these"
    )
    modes = ["", "exact", "approximate", "precomputed"]
    parser.add_argument("--mode", default="", choices=modes)
    parser.add_argument("--export-id", default="", help="of precomputed (default the newest)")
    parser.add_argument("--min-score", type=float, help="leave out lower scores")
    parser.add_argument(
        "--require-personalized", action="store_true", help="no popular items for strangers"
    )
    add_restriction_options(parser)
    parser.add_argument(
        "--max-per-value", metavar="ATTRIBUTE=N", help="at most N with the same value, city=2"
    )
    parser.add_argument(
        "--mmr", type=float, default=0.0, metavar="STRENGTH", help="0..1: no two alike"
    )
    parser.add_argument(
        "--popularity-damping", type=float, default=0.0, metavar="EXPONENT", help="0..1"
    )
    parser.add_argument(
        "--interests", type=int, default=0, metavar="N", help="ask for N parts of the history"
    )
    parser.add_argument("--explain", action="store_true", help="say what made each score")
    parser.add_argument(
        "--contributions-max", type=int, default=0, help="items named per candidate (default 3)"
    )
    parser.add_argument("--model", default="", help='model id or alias (default "live")')
    parser.set_defaults(run=run)


def add_query_options(parser: argparse.ArgumentParser) -> None:
    """Add who or what is asked about."""
    parser.add_argument("--user", default="", help="a user's id")
    add_history_option(parser)
    add_features_option(parser)
    parser.add_argument("--items", nargs="+", default=[], metavar="ITEM", help="more like these")
    parser.add_argument(
        "--negative-items", nargs="+", default=[], metavar="ITEM", help="less like these"
    )


def add_history_option(parser: argparse.ArgumentParser) -> None:
    """Add what the user did."""
    parser.add_argument(
        "--history",
        nargs="+",
        default=[],
        metavar="ITEM[=VALUE[@TIME]]",
        help="what they did, the latest last or with ISO 8601 times: 318=4.5@2026-01-02",
    )


def add_features_option(parser: argparse.ArgumentParser) -> None:
    """Add what the user is."""
    parser.add_argument(
        "--features", nargs="+", default=[], metavar="NAME=VALUE", help="what the user is: age=25"
    )


def features_of(texts: list[str]) -> dict[str, str]:
    """Read NAME=VALUE; the server reads numbers and times from their text."""
    found = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not name or not separator:
            raise ValueError(f"--features are NAME=VALUE, such as age=25: {text!r}")
        found[name] = value
    return found


def run(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Ask and print."""
    found = shortlist.retrieve(
        user=options.user,
        history=history_of(options.history),
        items=options.items,
        negative_items=options.negative_items,
        segment=options.segment,
        features=features_of(options.features),
        count=options.count,
        exclude=options.exclude,
        include_seen=options.include_seen,
        candidates=options.candidates,
        mode=options.mode,
        min_score=options.min_score,
        require_personalized=options.require_personalized,
        **restrictions_of(options),
        diversity=diversity_of(options),
        popularity_damping=options.popularity_damping,
        interests=options.interests,
        explain=options.explain,
        contributions_max=options.contributions_max,
        export_id=options.export_id,
        model=options.model,
    )
    if options.json:
        print_json(found)
        return
    print_table(*table_of(found))
    search = found.search
    print(
        f"\nmodel {found.model}, origin {found.origin}, {search.mode} search of "
        f"{search.eligible_items:,} eligible items"
    )
    if found.missing_ids:
        print(f"unknown to the model: {', '.join(found.missing_ids)}")


def table_of(found: Candidates) -> tuple[list[str], list[list[object]]]:
    """Return the header and a row a candidate."""
    header = ["item", "score"]
    rows: list[list[object]] = [[item_id, score] for item_id, score in found]
    if found.interests:
        header.append("interest")
        for row, interest in zip(rows, found.interest_of, strict=True):
            row.append(found.interests[interest].medoid_item_id)
    if found.reasons:
        header.append("because of")
        for row, reason in zip(rows, found.reasons, strict=True):
            named = [f"{item_id} {amount:+.3f}" for item_id, amount in reason.contributions]
            row.append(", ".join([*named, f"the rest {reason.remainder:+.3f}"]))
    return header, rows


def diversity_of(options: argparse.Namespace) -> Diversity:
    """Return how candidates must differ."""
    text = options.max_per_value
    if not text:
        return Diversity(mmr_strength=options.mmr)
    attribute, _, most = text.rpartition("=")
    if not attribute or not most.isdecimal():
        raise ValueError(f"--max-per-value is ATTRIBUTE=N, such as city=2: {text!r}")
    return Diversity(attribute, int(most), options.mmr)


def history_of(texts: list[str]) -> History:
    """Read ITEM, ITEM=VALUE, ITEM=VALUE@TIME, ITEM=@TIME; an id that holds "=" is given as ID=1."""
    return [_event_of(text) for text in texts]


def _event_of(text: str) -> Event:
    item, separator, told = text.rpartition("=")
    if not separator:
        return text
    value, at, moment = told.partition("@")
    if not at:
        return item, _value_of(value, text)
    return item, _value_of(value, text) if value else None, _moment_of(moment, text)


def _value_of(value: str, text: str) -> float:
    try:
        return float(value)
    except ValueError:
        problem = f"--history: what follows the last = of {text!r} is no number"
        raise ValueError(f'{problem}; an id that holds "=" is given as ID=1') from None


def _moment_of(moment: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(moment)
    except ValueError:
        problem = f"--history: what follows the @ of {text!r} is no ISO 8601 time"
        raise ValueError(f"{problem}, such as 2026-01-02T15:04:05") from None
