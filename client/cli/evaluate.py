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
    print_left_out,
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
    parser.add_argument("--against", default="", metavar="MODEL", help="compare, user by user")
    parser.set_defaults(run=run)


def run(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Measure and print."""
    evaluation = shortlist.evaluate(
        interactions_of(options.test_interactions, options),
        model=options.model,
        cutoffs=options.cutoffs,
        seed=options.seed,
        against=options.against,
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
    print_left_out(evaluation.left_out)
    _print_errors(evaluation)
    _print_deciles(evaluation)
    _print_differences(evaluation)


def _print_errors(evaluation: Evaluation) -> None:
    """Print how far predicted ratings are off."""
    for ranking in evaluation.rankings:
        errors = [one for one in ranking.metrics if not one.cutoff]
        texts = [f"{one.name} {one.mean:.4f} +- {one.standard_error:.4f}" for one in errors]
        if texts:
            print(f"{ranking.method}, {ranking.user_group} users: {', '.join(texts)}")


def _print_deciles(evaluation: Evaluation) -> None:
    """Print recall from the rarest items to the most popular, at the middle cut-off."""
    rows = []
    for ranking in evaluation.rankings:
        cutoffs = sorted({one.cutoff for one in ranking.decile_recalls})
        for cutoff in cutoffs[len(cutoffs) // 2 :][:1]:
            recalls = [one.mean for one in ranking.decile_recalls if one.cutoff == cutoff]
            rows.append([ranking.user_group, ranking.method, f"@{cutoff}", *recalls])
    if rows:
        print("\nrecall by popularity of the items, from the rarest tenth to the most popular")
        print_table(["users", "method", "", *(str(n + 1) for n in range(len(rows[0]) - 3))], rows)


def _print_differences(evaluation: Evaluation) -> None:
    if not evaluation.baseline_model:
        return
    print(f"\nagainst {evaluation.baseline_model}, same users (95 % interval of the difference)")
    rows = [
        (
            f"{one.user_group} ({one.user_count:,})",
            f"{one.name}@{one.cutoff}",
            one.mean,
            one.baseline_mean,
            f"{one.mean - one.baseline_mean:+.4f}",
            f"{one.low:+.4f} .. {one.high:+.4f}",
            "clear" if one.is_clear else "",
        )
        for one in evaluation.differences
        if one.name in _SHOWN
    ]
    print_table(["users", "metric", "model", "baseline", "difference", "interval", ""], rows)
