"""`shortlist train`: trains on the server, shows the progress, prints the quality."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

from shortlist.client.algorithms import ALGORITHMS, Algorithm
from shortlist.client.cli.evaluate import print_evaluation
from shortlist.client.cli.index import add_index_options, index_of
from shortlist.client.cli.models import print_trials
from shortlist.client.cli.options import (
    Commands,
    OptionGroup,
    add_column_options,
    add_source_options,
    interactions_of,
    numbers,
    print_json,
    source_of,
)
from shortlist.client.clients import Shortlist
from shortlist.client.training import (
    EarlyStopping,
    EvaluationSpec,
    ItemSource,
    Preparation,
    Tuning,
    UserSource,
)

# Setting, type, help: every setting of every algorithm, by its name in the contract.
_SETTINGS: tuple[tuple[str, type, str], ...] = (
    ("dim", int, "length of the vectors"),
    ("epochs", int, "passes over the data"),
    ("unobserved_weight", float, "w0, weight of pairs that were not observed"),
    ("regularization", float, "regularization"),
    ("regularization_exponent", float, "nu: how it grows with a row's weight"),
    ("value_transform", str, "none, linear or log: how values become weights"),
    ("value_alpha", float, "alpha of the transform"),
    ("value_epsilon", float, "epsilon of the log transform"),
    ("user_frequency_exponent", float, "p: frequent users weigh less"),
    ("item_frequency_exponent", float, "q: frequent items weigh less"),
    ("init_stddev", float, "size of random first vectors"),
    ("solver", str, "wals: conjugate_gradient or cholesky; ratings: als or adam"),
    ("cg_steps", int, "wals: steps of conjugate gradient, each time a row is solved"),
    ("over_relaxation", float, "1 to 1.9: more reaches a low loss sooner"),
    ("item_features", list, "attributes that place items which nobody has yet"),
    ("user_features", list, "attributes that place users who have done nothing yet"),
    ("draw_users", bool, "to the mean user instead of 0 (default)"),
    ("feature_regularization", float, "of the features' weights, in rows' worth"),
    ("half_life_days", float, "in which an event loses half its weight"),
    ("power_iterations", int, "more are more exact"),
    ("binary", bool, "1 for every observed pair instead of its value"),
    ("mean", str, "global or item: what is predicted of an unknown user"),
    ("item_bias", bool, "whether items have a bias of their own"),
    ("bias_regularization", float, "regularization of the biases"),
    ("kind", str, "item or user: whose neighbours"),
    ("weighting", str, "cosine, tfidf or bm25: how alike is measured"),
    ("count", int, "neighbours kept of each item, or users asked"),
    ("loss", str, "squared, logistic, bpr, softmax or contrastive"),
    ("cosine", bool, "score by cosine"),
    ("temperature", float, "of the softmax"),
    ("margin", float, "of contrastive: negatives below it are far enough"),
    ("negative_count", int, "negatives of a pair"),
    ("negative_power", float, "drawn by popularity to this power"),
    ("uniform_share", float, "of the negatives, the others by popularity"),
    ("in_batch", bool, "the items of other pairs are negatives too"),
    ("hard_count", int, "of a pair's negatives count, the best-scored"),
    ("negative_weight", float, "of a pair's negatives together"),
    ("correct_sampling", bool, "correct for how negatives are drawn (logQ)"),
    ("gravity", float, "weight of the sum of all squared scores"),
    ("user_bias", bool, "whether users have a bias of their own"),
    ("batch_size", int, "pairs or users between two steps"),
    ("learning_rate", float, "step of adam"),
    ("teacher_dim", int, "length of the teacher's vectors"),
    ("teacher_epochs", int, "passes of the teacher over the data"),
    ("teacher_temperature", float, "of the teacher's scores"),
    ("target_count", int, "of the teacher's ranking, a user"),
    ("sampled_items", int, "beside what the teacher ranked"),
    ("seed", int, "of what is random"),
)
_FIELDS = {name: {one.name for one in fields(kind)} for name, kind in ALGORITHMS.items()}


def add_parser(commands: Commands) -> None:
    """Add the command."""
    usage = "shortlist train --interactions PATH [--algorithm NAME] [option ...]"
    parser = commands.add_parser("train", help="train a model and serve it", usage=usage)
    _add_data_options(parser.add_argument_group("what to learn from"))
    kinds = (f"{name}: {_summary(kind)}" for name, kind in ALGORITHMS.items())
    group = parser.add_argument_group("what to train", "; ".join(kinds))
    group.add_argument("--algorithm", choices=list(ALGORITHMS), default="wals", help="default wals")
    _add_settings(parser)
    _add_search_options(parser)
    _add_evaluation_options(parser.add_argument_group("how to measure it"))
    group = parser.add_argument_group("the job and its model")
    group.add_argument("--model-id", default="", help="id of the model (default: made up)")
    group.add_argument("--alias", default="", help='alias to move (default "live")')
    group.add_argument("--keep-aliases", action="store_true", help="move no alias")
    group.add_argument(
        "--warm-start-model", default="", metavar="MODEL", help="begin at the vectors of this model"
    )
    group.add_argument("--request-id", default="", help="makes a repeated call safe")
    text = "of approximate search, 0.5 to 1; 1: exact only"
    group.add_argument("--target-recall", type=float, metavar="0.98", help=text)
    add_index_options(group)
    group.add_argument("--detach", action="store_true", help="do not wait for the end")
    parser.set_defaults(run=run)


def _add_data_options(parser: OptionGroup) -> None:
    parser.add_argument("--interactions", required=True, metavar="PATH", help="on the server")
    add_source_options(parser, "", "interactions")
    add_column_options(parser)
    parser.add_argument(
        "--segment-column", default="", help="column of the user's segment, such as a country"
    )
    aggregations = ["", "sum", "max", "last", "count"]
    text = "how several events of a pair become one value"
    parser.add_argument("--aggregation", default="", choices=aggregations, help=text)
    parser.add_argument("--user-events-min", type=int, default=0, help="leave out rarer users")
    parser.add_argument("--item-events-min", type=int, default=0, help="leave out rarer items")
    parser.add_argument("--value-min", type=float, help="leave out smaller values")
    parser.add_argument("--items", default="", metavar="PATH", help="what is known of the items")
    add_source_options(parser, "items-", "items")
    parser.add_argument("--items-id-column", default="", help="column of the item id")
    parser.add_argument(
        "--attributes", nargs="+", default=[], metavar="COLUMN", help="columns to keep"
    )
    parser.add_argument("--users", default="", metavar="PATH", help="what is known of the users")
    add_source_options(parser, "users-", "users")
    parser.add_argument("--users-id-column", default="", help="column of the user id")


def _add_search_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what the server finds on a part of the events (wals, sgd, svd, ratings)"
    )
    group.add_argument("--early-stopping", action="store_true", help="find the number of epochs")
    group.add_argument("--tune", type=int, metavar="TRIALS", help="find settings and epochs")
    group.add_argument("--tune-dims", type=numbers, default=(), metavar="128,256", help="dims too")
    group.add_argument("--tune-metric", default="", metavar="ndcg", help="what is to be best")
    group.add_argument("--tune-cutoff", type=int, default=0, help="of that metric")
    group.add_argument("--patience", type=int, default=0, help="epochs without a better value")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add a group for what several algorithms have, and one for what each has alone."""
    shared = "settings of several algorithms; unset: the server's default"
    groups = {title: parser.add_argument_group(title) for title in (shared, *map(_own, ALGORITHMS))}
    for name, kind, text in _SETTINGS:
        users = [algorithm for algorithm, names in _FIELDS.items() if name in names]
        group = groups[_own(users[0]) if len(users) == 1 else shared]
        shown = text if len(users) == 1 else f"{text} ({', '.join(users)})"
        option = f"--{name.replace('_', '-')}"
        if kind is bool:
            action = argparse.BooleanOptionalAction
            group.add_argument(option, action=action, default=None, help=shown)
        elif kind is list:
            group.add_argument(option, nargs="+", metavar="COLUMN", help=shown)
        else:
            group.add_argument(option, type=kind, metavar="X", help=shown)


def _own(algorithm: str) -> str:
    return f"settings of {algorithm} alone"


def _summary(kind: type[Algorithm]) -> str:
    return (kind.__doc__ or "").partition(".")[0].partition(";")[0]


def _add_evaluation_options(parser: OptionGroup) -> None:
    splits = ["", "temporal", "random_per_user", "leave_last_out", "given", "none"]
    parser.add_argument("--split", default="", choices=splits, help="how events are held out")
    parser.add_argument("--held-out-fraction", type=float, help="share of the events")
    parser.add_argument("--unseen-user-fraction", type=float, help="share of users held out whole")
    parser.add_argument("--cutoffs", type=numbers, default=(), metavar="10,20,100")
    parser.add_argument("--evaluation-seed", type=int, default=0, help="of the random splits")
    parser.add_argument("--test-interactions", default="", metavar="PATH", help="split given")
    add_source_options(parser, "test-", "test interactions")
    add_column_options(parser, "test-")


def run(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Train and print what came of it; Ctrl-C leaves the training running."""
    test = None
    if options.test_interactions:
        test = interactions_of(options.test_interactions, options, "test-")
    start = shortlist.start_training if options.detach else shortlist.train
    try:
        job = start(
            replace(
                interactions_of(options.interactions, options),
                segment_column=options.segment_column,
            ),
            _items_of(options),
            _algorithm_of(options),
            users=_users_of(options),
            preparation=Preparation(
                options.aggregation,
                options.user_events_min,
                options.item_events_min,
                options.value_min,
            ),
            evaluation=EvaluationSpec(
                options.split,
                options.held_out_fraction,
                options.unseen_user_fraction,
                options.cutoffs,
                test,
                options.evaluation_seed,
            ),
            model_id=options.model_id,
            alias=options.alias,
            keep_aliases=options.keep_aliases,
            target_recall=options.target_recall,
            index=index_of(options),
            early_stopping=_early_stopping_of(options),
            tuning=None if options.tune is None else Tuning(options.tune, options.tune_dims),
            warm_start_model=options.warm_start_model,
            **({"request_id": options.request_id} if options.request_id else {}),
        )
    except KeyboardInterrupt:
        print("\ndetached; the training goes on (shortlist jobs list)")
        raise
    if options.detach:
        print_json(job) if options.json else print(f"job {job.job_id} is {job.state}")
        return
    model = shortlist.model(job.request.model_id)
    if options.json:
        print_json(model)
        return
    print(
        f"\nmodel {model.model_id}: {model.user_count:,} users, {model.item_count:,} items, "
        f"{model.interaction_count:,} interactions, {model.training_seconds:.1f} s"
    )
    print_trials(model)
    if model.evaluation:
        print_evaluation(model.evaluation)


def _early_stopping_of(options: argparse.Namespace) -> EarlyStopping | None:
    wanted = EarlyStopping(options.tune_metric, options.tune_cutoff, options.patience)
    return wanted if options.early_stopping or wanted != EarlyStopping() else None


def _items_of(options: argparse.Namespace) -> ItemSource | None:
    if not options.items:
        return None
    source = source_of(options.items, options, "items_")
    return ItemSource(source, options.items_id_column, tuple(options.attributes))


def _users_of(options: argparse.Namespace) -> UserSource | None:
    if not options.users:
        return None
    source = source_of(options.users, options, "users_")
    return UserSource(source, options.users_id_column, tuple(options.user_features or ()))


def _algorithm_of(options: argparse.Namespace) -> Algorithm:
    """Return the algorithm with its settings; one that it does not have is an error."""
    name = options.algorithm
    found = {setting: getattr(options, setting) for setting, _, _ in _SETTINGS}
    given = {setting: value for setting, value in found.items() if value is not None}
    if wrong := sorted(set(given) - _FIELDS[name]):
        flags = ", ".join(f"--{setting.replace('_', '-')}" for setting in wrong)
        raise SystemExit(f"shortlist train: {name} has no {flags}")
    return ALGORITHMS[name](**given)
