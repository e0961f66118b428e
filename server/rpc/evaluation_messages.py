"""Evaluation: what to measure, and what was measured."""

from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.training import (
    CUTOFF_MAX,
    CUTOFFS_DEFAULT,
    CUTOFFS_MAX,
    EvaluationSpec,
)
from shortlist.server.errors import FieldInvalid
from shortlist.server.operations.evaluations import EvaluationRequest
from shortlist.server.rpc.fields import (
    ALIAS_DEFAULT,
    catalog_from_text,
    check_finite,
    check_length,
    enum_name,
    enum_number,
    int_in,
    name_from_text,
)
from shortlist.server.rpc.source_messages import events_to_proto, test_events_from_proto
from shortlist.v1 import model_service_pb2 as pb2

_SPLITS = {
    pb2.SPLIT_UNSPECIFIED: "auto",
    pb2.SPLIT_TEMPORAL: "temporal",
    pb2.SPLIT_RANDOM_PER_USER: "random_per_user",
    pb2.SPLIT_LEAVE_LAST_OUT: "leave_last_out",
    pb2.SPLIT_GIVEN: "given",
    pb2.SPLIT_NONE: "none",
}
_GROUPS = {"known": pb2.USER_GROUP_KNOWN, "unseen": pb2.USER_GROUP_UNSEEN}
_DEFAULTS = EvaluationSpec()


def evaluation_spec_from_proto(message: pb2.EvaluationSpec, path: str) -> EvaluationSpec:
    """Return what to measure after a training."""
    split = enum_name(f"{path}.split", message.split, _SPLITS)
    given = message.HasField("test_interactions")
    if given != (split == "given"):
        problem = "is required by split GIVEN" if split == "given" else "needs split GIVEN"
        raise FieldInvalid(f"{path}.test_interactions", problem)
    held_out = _DEFAULTS.held_out_fraction
    if message.HasField("held_out_fraction"):
        held_out = check_finite(f"{path}.held_out_fraction", message.held_out_fraction)
        _check_fraction(f"{path}.held_out_fraction", held_out, 0 < held_out < 1, "0 < x < 1")
    unseen = _DEFAULTS.unseen_user_fraction
    if message.HasField("unseen_user_fraction"):
        unseen = check_finite(f"{path}.unseen_user_fraction", message.unseen_user_fraction)
        _check_fraction(f"{path}.unseen_user_fraction", unseen, 0 <= unseen < 1, "0 <= x < 1")
    test_path = f"{path}.test_interactions"
    return EvaluationSpec(
        split=split,
        held_out_fraction=held_out,
        unseen_user_fraction=unseen,
        cutoffs=_cutoffs(f"{path}.cutoffs", tuple(message.cutoffs)),
        test_interactions=test_events_from_proto(message.test_interactions, test_path)
        if given
        else None,
        seed=message.seed,
    )


def evaluation_spec_to_proto(spec: EvaluationSpec) -> pb2.EvaluationSpec:
    """Return the message that asks for exactly this evaluation."""
    test = spec.test_interactions
    return pb2.EvaluationSpec(
        split=enum_number(_SPLITS, spec.split),
        held_out_fraction=spec.held_out_fraction,
        unseen_user_fraction=spec.unseen_user_fraction,
        cutoffs=spec.cutoffs,
        test_interactions=None if test is None else events_to_proto(test),
        seed=spec.seed,
    )


def evaluation_request_from_proto(request: pb2.EvaluateModelRequest) -> EvaluationRequest:
    """Return which model to measure on which data."""
    if not request.HasField("test_interactions"):
        raise FieldInvalid("test_interactions", "is required")
    return EvaluationRequest(
        catalog=catalog_from_text(request.catalog),
        model=name_from_text("model", request.model, ALIAS_DEFAULT),
        test_interactions=test_events_from_proto(request.test_interactions, "test_interactions"),
        cutoffs=_cutoffs("cutoffs", tuple(request.cutoffs)),
        seed=request.seed,
        baseline=name_from_text("baseline_model", request.baseline_model, ""),
    )


def evaluation_to_proto(evaluation: Evaluation) -> pb2.Evaluation:
    """Return what was measured."""
    rankings = [
        pb2.RankingEvaluation(
            method=ranking.method,
            user_group=_GROUPS[ranking.user_group],
            user_count=ranking.user_count,
            metrics=[
                pb2.Metric(
                    name=metric.name,
                    cutoff=metric.cutoff,
                    mean=metric.mean,
                    standard_error=metric.standard_error,
                )
                for metric in ranking.metrics
            ],
            decile_recalls=[
                pb2.DecileRecall(
                    decile=one.decile,
                    cutoff=one.cutoff,
                    user_count=one.query_count,
                    mean=one.mean,
                    standard_error=one.standard_error,
                )
                for one in ranking.decile_recalls
            ],
        )
        for ranking in evaluation.rankings
    ]
    differences = [
        pb2.MetricDifference(
            name=one.name,
            cutoff=one.cutoff,
            user_group=_GROUPS[one.user_group],
            user_count=one.user_count,
            mean=one.mean,
            baseline_mean=one.baseline_mean,
            low=one.low,
            high=one.high,
        )
        for one in evaluation.differences
    ]
    return pb2.Evaluation(
        split=evaluation.split,
        rankings=rankings,
        baseline_model=evaluation.baseline_model,
        differences=differences,
    )


def _cutoffs(path: str, cutoffs: tuple[int, ...]) -> tuple[int, ...]:
    """Return the cut-offs ascending, none twice; empty: the default ones."""
    check_length(path, len(cutoffs), 0, CUTOFFS_MAX)
    for i, cutoff in enumerate(cutoffs):
        int_in(f"{path}[{i}]", cutoff, 1, CUTOFF_MAX)
    return tuple(sorted(set(cutoffs))) or CUTOFFS_DEFAULT


def _check_fraction(path: str, value: float, allowed: bool, limits: str) -> None:
    if not allowed:
        raise FieldInvalid(path, f"{value} is not in {limits}", found=value, limit=limits)
