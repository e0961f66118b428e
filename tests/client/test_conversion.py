"""Every message that the client mirrors is mirrored whole, and survives there and back."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from shortlist.client import (
    algorithms,
    exports,
    hidden,
    index_export,
    models,
    server_calls,
    training,
)
from shortlist.client.conversion import from_proto, to_proto
from shortlist.v1 import algorithms_pb2, catalog_service_pb2, server_service_pb2
from shortlist.v1 import model_service_pb2 as pb2

MIRRORS: dict[type, type[Message]] = {
    training.DataSource: pb2.DataSource,
    training.InteractionSource: pb2.InteractionSource,
    training.ItemSource: pb2.ItemSource,
    training.UserSource: pb2.UserSource,
    training.Preparation: pb2.Preparation,
    algorithms.Wals: algorithms_pb2.WalsSpec,
    algorithms.Popularity: algorithms_pb2.PopularitySpec,
    algorithms.Svd: algorithms_pb2.SvdSpec,
    algorithms.Sgd: algorithms_pb2.SgdSpec,
    algorithms.Ratings: algorithms_pb2.RatingsSpec,
    algorithms.Neighbours: algorithms_pb2.NeighboursSpec,
    training.EvaluationSpec: pb2.EvaluationSpec,
    training.Index: pb2.IndexSpec,
    training.TrainRequest: pb2.TrainRequest,
    training.JobFailure: pb2.JobFailure,
    training.TrainingJob: pb2.TrainingJob,
    training.TrainingJobPage: pb2.ListTrainingJobsResponse,
    models.Metric: pb2.Metric,
    models.RankingEvaluation: pb2.RankingEvaluation,
    models.Evaluation: pb2.Evaluation,
    models.IndexReport: pb2.IndexReport,
    models.SearchTrial: pb2.SearchTrial,
    index_export.IndexHeader: pb2.IndexHeader,
    models.Model: pb2.Model,
    models.ModelPage: pb2.ListModelsResponse,
    exports.ExportProgress: pb2.ExportProgress,
    hidden.HiddenCounts: catalog_service_pb2.HiddenCounts,
    hidden.HiddenItem: catalog_service_pb2.HiddenItem,
    hidden.HiddenItemPage: catalog_service_pb2.ListHiddenItemsResponse,
    models.Alias: pb2.Alias,
    models.AliasList: pb2.ListAliasesResponse,
    server_calls.ServerInfo: server_service_pb2.ServerInfo,
}
SENT = [training.TrainRequest, training.Index, training.InteractionSource, training.EvaluationSpec]


def filled(message: Message, number: int = 1) -> Message:
    """Set every field of a message to something that is not its default."""
    fields: Any = message.DESCRIPTOR.fields
    for index, field in enumerate(fields, start=number):
        target: Any = getattr(message, field.name)
        if isinstance(target, Timestamp):
            target.FromMilliseconds(1_700_000_000_000 + index)
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            kind = field.message_type.fields_by_name["value"].cpp_type
            target["key"] = f"value {index}" if kind == field.CPPTYPE_STRING else index
        elif field.message_type is not None:
            filled(target.add() if field.is_repeated else target, index)
        elif field.is_repeated:
            target.append(f"text {index}" if field.cpp_type == field.CPPTYPE_STRING else index)
        elif field.cpp_type == field.CPPTYPE_STRING:
            setattr(message, field.name, f"text {index}")
        else:
            setattr(message, field.name, 1)
    return message


@pytest.mark.parametrize("kind", MIRRORS, ids=lambda kind: kind.__name__)
def test_a_mirror_has_every_field_of_its_message_and_no_other(kind: type) -> None:
    """A field that the contract gains must not be dropped in silence."""
    mine = {field.name for field in dataclasses.fields(kind)}
    assert mine == set(MIRRORS[kind].DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize("kind", MIRRORS, ids=lambda kind: kind.__name__)
def test_every_field_arrives(kind: type) -> None:
    """No field of a whole message is empty in the dataclass."""
    message = filled(MIRRORS[kind]())
    value: Any = from_proto(message, kind)
    # One oneof: the algorithm that was filled last is the one that is set.
    unset: set[str] = set()
    if isinstance(message, pb2.TrainRequest):
        unset = set(algorithms.ALGORITHMS) - {str(message.WhichOneof("algorithm"))}
    for field in dataclasses.fields(value):
        if field.name not in unset:
            assert getattr(value, field.name) not in (None, "", (), 0), field.name


@pytest.mark.parametrize("kind", SENT, ids=lambda kind: kind.__name__)
def test_what_is_sent_survives_there_and_back(kind: type) -> None:
    there: object = from_proto(filled(MIRRORS[kind]()), kind)
    assert from_proto(to_proto(there, MIRRORS[kind]()), kind) == there


def test_times_are_aware() -> None:
    job = pb2.TrainingJob(job_id="j")
    job.create_time.FromMilliseconds(1_700_000_000_000)
    value = from_proto(job, training.TrainingJob)
    assert value.create_time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert value.end_time is None


def test_a_text_where_a_list_is_wanted_is_refused() -> None:
    with pytest.raises(ValueError, match="item_features is a list"):
        to_proto(algorithms.Wals(item_features="genres"), algorithms_pb2.WalsSpec())
