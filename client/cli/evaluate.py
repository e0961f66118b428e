"""`shortlist evaluate`: measures a published model on test data."""

from __future__ import annotations

import argparse

from shortlist.client.cli.options import (
    Commands,
    add_column_options,
    add_source_options,
    interactions_of,
    numbers,
    print_json,
    print_table,
)
from shortlist.client.clients import Shortlist
from shortlist.client.models import Evaluation

_SHOWN = ("recall", "ndcg", "map", "precision", "hit_rate", "coverage")


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("evaluate", help="measure a model on test data")
    parser.add_argument("--test-interactions", required=True, metavar="PATH", help="on the server")
    add_source_options(parser, "", "test interactions")
    add_column_options(parser)
    parser.add_argument("--cutoffs", type=numbers, default=(), metavar="10,20,100")
    parser.add_argument("--seed", type=int, default=0, help="of the split of unseen users' items")
    parser.add_argument("--model", default="", help='model id or alias (default "live")')
    parser.set_defaults(run=run)


def run(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Measure and print."""
    evaluation = shortlist.evaluate(
        interactions_of(options.test_interactions, options),
        model=options.model,
        cutoffs=options.cutoffs,
        seed=options.seed,
    )
    print_json(evaluation) if options.json else print_evaluation(evaluation)


def print_evaluation(evaluation: Evaluation) -> None:
    """Print a table a group of users, methods beside one another."""
    print(f"\nquality on held-out events ({evaluation.split} split), over the whole catalog")
    rows = []
    for ranking in evaluation.rankings:
        cutoffs = sorted({metric.cutoff for metric in ranking.metrics if metric.cutoff})
        values = {(m.name, m.cutoff): m.mean for m in ranking.metrics}
        for cutoff in cutoffs:
            numbers_of = [values.get((name, cutoff), float("nan")) for name in _SHOWN]
            who = f"{ranking.user_group} ({ranking.user_count:,})"
            rows.append([who, ranking.method, f"@{cutoff}", *numbers_of])
    print_table(["users", "method", "", *_SHOWN], rows)
    for ranking in evaluation.rankings:
        errors = [one for one in ranking.metrics if not one.cutoff]
        texts = [f"{one.name} {one.mean:.4f} +- {one.standard_error:.4f}" for one in errors]
        if texts:
            print(f"{ranking.method}, {ranking.user_group} users: {', '.join(texts)}")
