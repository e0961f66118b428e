"""TrainRequest.index: every option arrives, and one that its kind does not have is named."""

from typing import Any

import pytest

from shortlist.server.artifacts.manifest import IndexReport, SearchTrial
from shortlist.server.domain.index import GraphOptions, IndexSpec
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.index_messages import (
    index_report_to_proto,
    index_spec_from_proto,
    index_spec_to_proto,
)
from shortlist.server.rpc.training_messages import training_spec_from_proto
from shortlist.v1 import algorithms_pb2 as a
from shortlist.v1 import model_service_pb2 as m

EVENTS = m.InteractionSource(source=m.DataSource(uri="/data/events.parquet"))
KINDS = {
    m.INDEX_KIND_UNSPECIFIED: IndexSpec("auto"),
    m.INDEX_KIND_AUTO: IndexSpec("auto"),
    m.INDEX_KIND_USEARCH: IndexSpec("usearch", GraphOptions(32, 128, "f32", False)),
    m.INDEX_KIND_LISTS: IndexSpec("lists"),
    m.INDEX_KIND_EXACT: IndexSpec("exact"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_arrives_and_is_shown_again(kind: m.IndexKind.ValueType) -> None:
    spec = index_spec_from_proto(m.IndexSpec(kind=kind), "index")
    assert spec == KINDS[kind]
    shown = index_spec_to_proto(spec)
    assert shown.kind != m.INDEX_KIND_UNSPECIFIED
    assert index_spec_from_proto(shown, "index") == spec


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != m.INDEX_KIND_USEARCH])
@pytest.mark.parametrize(
    ("field", "value"),
    [("connectivity", 16), ("expansion_add", 64), ("dtype", "i8"), ("parallel_build", True)],
)
def test_an_option_of_graphs_is_no_option_of_others(
    kind: m.IndexKind.ValueType, field: str, value: Any
) -> None:
    with pytest.raises(FieldInvalid, match="only usearch has it") as failure:
        index_spec_from_proto(m.IndexSpec(kind=kind, **{field: value}), "index")
    assert failure.value.field == f"index.{field}"


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("index.kind", {"index": m.IndexSpec(kind=9)}),  # type: ignore[arg-type]
        ("index.connectivity", {"index": m.IndexSpec(kind=2, connectivity=3)}),  # type: ignore[arg-type]
        ("index.expansion_add", {"index": m.IndexSpec(kind=2, expansion_add=8193)}),  # type: ignore[arg-type]
        ("index.dtype", {"index": m.IndexSpec(kind=2, dtype="f64")}),  # type: ignore[arg-type]
        ("index.kind", {"index": m.IndexSpec(kind=2), "popularity": a.PopularitySpec()}),  # type: ignore[arg-type]
        ("index.kind", {"index": m.IndexSpec(kind=3), "target_recall": 1.0}),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_built_is_named(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid) as failure:
        training_spec_from_proto(m.TrainRequest(interactions=EVENTS, **fields))
    assert failure.value.field == field


def test_a_model_without_vectors_may_be_asked_to_search_exactly() -> None:
    exact = m.IndexSpec(kind=m.INDEX_KIND_EXACT)
    request = m.TrainRequest(interactions=EVENTS, index=exact, popularity=a.PopularitySpec())
    assert training_spec_from_proto(request).index == IndexSpec("exact")


def test_a_report_says_what_was_asked_and_what_was_not_measured() -> None:
    trials = SearchTrial("exact", 0, 1.0, 80.0), SearchTrial("lists", skipped="because")
    report = IndexReport(
        "usearch", asked=True, dtype="bf16", build_threads=2, trials=trials, chosen="usearch"
    )
    shown = index_report_to_proto(report)
    assert (shown.asked, shown.dtype, shown.build_threads) == (True, "bf16", 2)
    assert [trial.skipped for trial in shown.trials] == ["", "because"]
