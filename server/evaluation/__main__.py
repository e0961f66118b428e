"""Measures a published model on test data: python -m shortlist.server.evaluation ...

Prints one JSON object: {"evaluation": ...}, or {"failure": {reason, message, metadata}}. A process
of its own, so that serving keeps its memory and its interpreter to itself.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from shortlist.core.parallel import resolve_threads
from shortlist.server.artifacts.artifact import Artifact, open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.algorithms import ALGORITHMS
from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.sources import EventSource
from shortlist.server.domain.training import CUTOFFS_DEFAULT, check_cutoffs, spec_from_json
from shortlist.server.evaluation.compare import differences, shared_test
from shortlist.server.evaluation.holdout import given_test, left_out_of_test
from shortlist.server.evaluation.measure import Measured, measure, summarised
from shortlist.server.reading.checked import read_checked
from shortlist.server.reasons import BUG, failure_of
from shortlist.server.storage.plain import from_plain, to_plain

_LOG = logging.getLogger("shortlist.training")

NICENESS = 5  # someone waits for this, but serving goes first


def evaluate_model(
    artifact: Artifact,
    source: EventSource,
    cutoffs: tuple[int, ...],
    *,
    baseline: Artifact | None = None,
    seed: int = 0,
    threads: int = 1,
    roots: Sequence[str] | None = None,
) -> Evaluation:
    """Return the quality of a published model on test data that it was not trained on.

    Items that the model does not know are left out; 80 % of the items of users that it does not
    know are folded in. With a baseline both models are measured on what compare.py says that
    both can be. Raises DataSourceInvalid, PathNotAllowed, SettingInvalid.
    """
    check_cutoffs(cutoffs)
    threads = resolve_threads(threads)
    aggregation = spec_from_json(artifact.manifest.spec).preparation.aggregation
    table = read_checked(source, roots, threads)
    if baseline is not None:
        table = shared_test(table, (artifact, baseline))

    def measured(model: Artifact) -> list[Measured]:
        test = given_test(table, model.users, model.items, aggregation, seed)
        algorithm = ALGORITHMS[model.manifest.algorithm]
        return measure(model, algorithm, test, cutoffs=cutoffs, threads=threads)

    ours = measured(artifact)
    left_out = left_out_of_test(table, artifact.items)
    evaluation = Evaluation("given", tuple(map(summarised, ours)), left_out=left_out)
    if baseline is None:
        return evaluation
    compared = tuple(differences(ours, measured(baseline), seed))
    name = baseline.manifest.model_id
    return replace(evaluation, baseline_model=name, differences=compared)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was measured, or why nothing was; return the exit status."""
    parser = argparse.ArgumentParser(prog="shortlist.server.evaluation")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--model", required=True, help="id or alias")
    parser.add_argument("--baseline", help="id or alias of a model to compare with")
    parser.add_argument("--source", required=True, help="an EventSource as JSON")
    parser.add_argument("--cutoffs", default=",".join(map(str, CUTOFFS_DEFAULT)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    parser.add_argument("--data-root", action="append", help="repeat; none: paths go unchecked")
    given = parser.parse_args(arguments)
    try:
        catalog = Catalogs(given.data_dir).catalog(given.catalog, must_exist=True)
        models = [
            name and open_artifact(catalog.model_path(catalog.resolve(name)), verify=False)
            for name in (given.model, given.baseline)
        ]
        source = from_plain(EventSource, json.loads(given.source))
        cutoffs = tuple(int(cutoff) for cutoff in given.cutoffs.split(","))
        evaluation = evaluate_model(
            models[0],
            source,
            cutoffs,
            baseline=models[1],
            seed=given.seed,
            threads=given.threads,
            roots=given.data_root,
        )
        reply = {"evaluation": to_plain(evaluation)}
    except Exception as error:
        failure = failure_of(error)
        if failure.reason == BUG:
            _LOG.exception("the evaluation failed")
        reply = {"failure": to_plain(failure)}
    print(json.dumps(reply, allow_nan=False))
    return 0


if __name__ == "__main__":
    os.nice(NICENESS)
    sys.exit(main())
