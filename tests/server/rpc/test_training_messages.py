"""TrainRequest: every field is checked, used, and shown again by jobs and models."""

from collections.abc import Iterator

import pytest
from google.protobuf.message import Message

from shortlist.server.domain.algorithms import ALGORITHMS
from shortlist.server.rpc.training_messages import training_spec_from_proto, training_spec_to_proto
from shortlist.v1 import algorithms_pb2 as a
from shortlist.v1 import model_service_pb2 as m
from tests.server.rpc.train_requests import APART, EVENTS, FULL, SPECS, with_fields


def unset_fields(message: Message, path: str = "") -> Iterator[str]:
    """Yield the paths of fields that a message leaves unset, nested ones included."""
    set_names = {field.name for field, _ in message.ListFields()}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.name not in set_names:
            yield path + field.name
        elif field.message_type and not field.is_repeated:
            yield from unset_fields(value, f"{path}{field.name}.")


def test_nothing_of_a_full_request_is_lost() -> None:
    """What was asked is shown again, field by field; nothing is accepted and ignored."""
    assert training_spec_to_proto(training_spec_from_proto(FULL)) == FULL
    left_out = {name for name in unset_fields(FULL) if "source." not in name}
    others = set(ALGORITHMS) - {"wals"}
    assert left_out == {"keep_aliases"} | others | {
        f"evaluation.test_interactions.{role}_column"
        for role in ("user", "item", "value", "time", "segment")
    }


def test_the_smallest_request_shows_the_choices_of_the_server() -> None:
    shown = training_spec_to_proto(training_spec_from_proto(m.TrainRequest(interactions=EVENTS)))
    assert shown.catalog == "default"
    assert shown.model_id.startswith("wals-")
    assert shown.alias == "live"
    assert (shown.wals.dim, shown.wals.epochs) == (64, 10)
    assert not shown.wals.HasField("unobserved_weight"), "the data decides"
    assert shown.wals.regularization == 0.004
    assert shown.preparation.aggregation == m.AGGREGATION_SUM
    assert shown.index == m.IndexSpec(kind=m.INDEX_KIND_AUTO)
    assert list(shown.evaluation.cutoffs) == [10, 20, 100]
    assert (shown.evaluation.held_out_fraction, shown.evaluation.unseen_user_fraction) == (
        0.1,
        0.05,
    )
    assert training_spec_to_proto(training_spec_from_proto(shown)) == shown


def test_popularity_and_kept_aliases_survive() -> None:
    popularity = a.PopularitySpec(half_life_days=30)
    request = m.TrainRequest(interactions=EVENTS, popularity=popularity, keep_aliases=True)
    shown = training_spec_to_proto(training_spec_from_proto(request))
    assert (shown.popularity, shown.keep_aliases, shown.alias) == (popularity, True, "")
    assert shown.model_id.startswith("popularity-")


@pytest.mark.parametrize("name", SPECS)
def test_every_setting_of_an_algorithm_is_shown_again(name: str) -> None:
    """What was asked is shown, a zero that was given and a default that was not."""
    request = with_fields(**{name: SPECS[name]})
    shown = getattr(training_spec_to_proto(training_spec_from_proto(request)), name)
    assert shown == SPECS[name]
    set_fields = {field.name for field, _ in SPECS[name].ListFields()}
    apart = APART.get(name, set())
    assert set_fields == set(SPECS[name].DESCRIPTOR.fields_by_name) - apart
    for field in apart:
        request = m.TrainRequest(interactions=EVENTS)
        setattr(getattr(request, name), field, True)
        shown = getattr(training_spec_to_proto(training_spec_from_proto(request)), name)
        assert getattr(shown, field)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_without_settings_is_shown_with_its_defaults(name: str) -> None:
    request = m.TrainRequest(interactions=EVENTS)
    getattr(request, name).SetInParent()
    spec = training_spec_from_proto(request)
    assert spec.algorithm == ALGORITHMS[name].params_type()
    assert training_spec_from_proto(training_spec_to_proto(spec)) == spec
