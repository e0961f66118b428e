"""`shortlist models`: list, show, delete, alias, aliases, export-index."""

from __future__ import annotations

import argparse
import dataclasses

from shortlist.client.cli.evaluate import print_evaluation
from shortlist.client.cli.index import add_export_parser
from shortlist.client.cli.options import Commands, print_json, print_table
from shortlist.client.clients import Shortlist
from shortlist.client.models import Model

_BARS = "▁▂▃▄▅▆▇█"


def add_parser(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("models", help="list, show, delete models; move aliases")
    names = "list|show|delete|alias|aliases|export-index"
    verbs = parser.add_subparsers(required=True, metavar=names)
    listing = verbs.add_parser("list", help="the models of the catalog, newest first")
    listing.add_argument("--page-size", type=int, default=0)
    listing.add_argument("--page-token", default="")
    listing.add_argument(
        "--view", default="", choices=["basic", "full"], help="of --json (default basic)"
    )
    listing.set_defaults(run=show_list)
    showing = verbs.add_parser("show", help="how a model was trained and how good it is")
    showing.add_argument("model", nargs="?", default="", help='id or alias (default "live")')
    showing.set_defaults(run=show_one)
    deleting = verbs.add_parser("delete", help="delete a model that no alias names")
    deleting.add_argument("model_id")
    deleting.set_defaults(run=delete)
    aliasing = verbs.add_parser("alias", help="point an alias at a model: swap or roll back")
    aliasing.add_argument("name")
    aliasing.add_argument("model_id")
    aliasing.set_defaults(run=alias)
    verbs.add_parser("aliases", help="the aliases of the catalog").set_defaults(run=show_aliases)
    add_export_parser(verbs)


def show_list(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Print one page of models."""
    page = shortlist.models(
        page_size=options.page_size, page_token=options.page_token, view=options.view
    )
    if options.json:
        print_json(page)
        return
    rows = [
        (
            m.model_id,
            m.algorithm,
            m.create_time,
            m.dim,
            m.item_count,
            m.user_count,
            ", ".join(m.aliases),
        )
        for m in page.models
    ]
    header = ["model", "algorithm", "published", "dim", "items", "users", "aliases"]
    print_table(header, rows)
    if page.next_page_token:
        print(f"more: --page-token {page.next_page_token}")


def show_one(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Print everything about one model."""
    model = shortlist.model(options.model)
    if options.json:
        print_json(model)
        return
    for name, value in _facts(model):
        print(f"{name:14} {value}")
    _print_searches(model)
    _print_live_recalls(model)
    print_trials(model)
    if model.evaluation:
        print_evaluation(model.evaluation)


def print_trials(model: Model) -> None:
    """Print the trials, the best first."""
    if not model.trials:
        return
    names = sorted(model.trials[0].settings)
    print("\ntrials on a part of the events, best first (* is what the model was trained with)")
    stopping = model.request.early_stopping if model.request else None
    sign = -1 if stopping is not None and stopping.metric in ("rmse", "mae") else 1
    ranked = sorted(
        enumerate(model.trials, 1), key=lambda one: (not one[1].epochs, -sign * one[1].quality)
    )
    rows = [
        (
            f"{number}{'*' if trial.chosen else ''}",
            f"{trial.quality:.4f}",
            trial.epochs,
            *(f"{trial.settings[name]:g}" for name in names),
            sparkline(trial.qualities) if trial.qualities else "diverged",
        )
        for number, trial in ranked
    ]
    print_table(["trial", "quality", "epochs", *names, "after each epoch"], rows)


def _print_searches(model: Model) -> None:
    """Print how each way to search did."""
    if model.index is None or not model.index.trials:
        return
    index = model.index
    chose = "the training asked for" if index.asked else "the server chose"
    print(f"\nsearch, wanted recall {index.target_recall:.4g} (* is what {chose})")
    efforts = {"exact": 0, "usearch": index.expansion_search, "lists": index.probes}
    chosen = index.chosen, efforts.get(index.chosen)
    rows = [
        (
            f"{trial.method}{'*' if (trial.method, trial.effort) == chosen else ''}",
            trial.effort or "-",
            "-" if trial.skipped else f"{trial.recall_at_100:.4f}",
            f"not measured: {trial.skipped}" if trial.skipped else f"{trial.microseconds:,.0f}",
        )
        for trial in index.trials
    ]
    print_table(["method", "effort", "recall@100", "us a query"], rows)


def _print_live_recalls(model: Model) -> None:
    """Print what live searches found."""
    if model.index is None or not model.index.live_recalls:
        return
    print("\nlive searches by the index, a share of them answered again exactly")
    rows = [
        (f"{one.k:,}", f"{one.query_count:,}", f"{one.recall:.4f}", f"{one.standard_error:.4f}",
         f"{one.dropped_count:,}")
        for one in model.index.live_recalls
    ]  # fmt: skip
    print_table(["k up to", "queries", "recall", "std. error", "dropped"], rows)


def delete(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Delete a model."""
    shortlist.delete_model(options.model_id)
    print_json({"deleted": options.model_id}) if options.json else print(
        f"deleted {options.model_id}"
    )


def alias(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Point an alias at a model."""
    found = shortlist.set_alias(options.name, options.model_id)
    print_json(found) if options.json else print(f"{found.name} -> {found.model_id}")


def show_aliases(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Print the aliases."""
    found = shortlist.aliases()
    if options.json:
        print_json(found)
        return
    print_table(["alias", "model"], [(one.name, one.model_id) for one in found])


def _facts(model: Model) -> list[tuple[str, str]]:
    algorithm = model.request.algorithm if model.request else None
    settings = dataclasses.asdict(algorithm) if algorithm else {}
    index = model.index
    found = "none"
    if index and index.kind != "none":
        effort = f"expansion {index.expansion_search}"
        if index.kind == "lists":
            effort = f"{index.probes} of {index.list_count} lists"
        elif index.build_threads > 1:
            effort += f", by {index.build_threads} threads: its bits need not repeat"
        found = (
            f"{index.kind}, recall@100 {index.recall_at_100:.4f} on {index.query_count} queries "
            f"({effort}), built in {index.build_seconds:.1f} s"
        )
    losses = model.losses
    return [
        ("model", f"{model.model_id} in catalog {model.catalog}"),
        ("aliases", ", ".join(model.aliases) or "none"),
        ("published", f"{model.create_time:%Y-%m-%d %H:%M:%S} UTC" if model.create_time else ""),
        ("trained", f"in {model.training_seconds:.1f} s by {model.algorithm}"),
        ("settings", ", ".join(f"{k}={v}" for k, v in settings.items() if v not in ("", None))),
        ("counts", f"{model.user_count:,} users, {model.item_count:,} items"),
        ("interactions", f"{model.interaction_count:,}"),
        ("loss", f"{sparkline(losses)}  {losses[0]:,.6g} -> {losses[-1]:,.6g}" if losses else "-"),
        ("index", found),
        ("attributes", ", ".join(model.attribute_columns) or "none"),
        ("size", f"{model.size_bytes / 1e6:,.1f} MB"),
    ]


def sparkline(values: tuple[float, ...]) -> str:
    """Draw numbers as a line of bars."""
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    return "".join(_BARS[int((value - low) / spread * (len(_BARS) - 1))] for value in values)
