"""TrainRequest: from the wire to a training spec, and back for jobs and models to show."""

from shortlist.core.data.interactions import Aggregate
from shortlist.server.domain.algorithms import Params, algorithm_of
from shortlist.server.domain.training import (
    SUPPORT_MAX,
    TARGET_RECALL,
    Preparation,
    TrainingSpec,
)
from shortlist.server.errors import FieldInvalid
from shortlist.server.operations.trainings import new_model_id
from shortlist.server.rpc.algorithm_messages import params_from_proto, params_to_proto
from shortlist.server.rpc.evaluation_messages import (
    evaluation_spec_from_proto,
    evaluation_spec_to_proto,
)
from shortlist.server.rpc.fields import (
    ALIAS_DEFAULT,
    catalog_from_text,
    check_finite,
    check_text,
    enum_name,
    enum_number,
    int_in,
    name_from_text,
    settings_at,
)
from shortlist.server.rpc.index_messages import index_spec_from_proto, index_spec_to_proto
from shortlist.server.rpc.search_messages import (
    early_stopping_from_proto,
    early_stopping_to_proto,
    tuning_from_proto,
    tuning_to_proto,
)
from shortlist.server.rpc.source_messages import (
    events_from_proto,
    events_to_proto,
    items_from_proto,
    items_to_proto,
    users_from_proto,
    users_to_proto,
)
from shortlist.v1 import model_service_pb2 as pb2

_REQUEST_ID_BYTES_MAX = 128
_AGGREGATIONS: dict[pb2.Aggregation.ValueType, Aggregate] = {
    pb2.AGGREGATION_SUM: "sum",
    pb2.AGGREGATION_MAX: "max",
    pb2.AGGREGATION_LAST: "last",
    pb2.AGGREGATION_COUNT: "count",
}


def training_spec_from_proto(request: pb2.TrainRequest) -> TrainingSpec:
    """Return the training that is asked for, with the server's choices filled in."""
    algorithm = params_from_proto(request)
    if not request.HasField("interactions"):
        raise FieldInvalid("interactions", "is required")
    if request.alias and request.keep_aliases:
        raise FieldInvalid("alias", "contradicts keep_aliases; set one of them")
    alias = None if request.keep_aliases else name_from_text("alias", request.alias, ALIAS_DEFAULT)
    with settings_at(""):
        return TrainingSpec(
            catalog=catalog_from_text(request.catalog),
            model_id=name_from_text("model_id", request.model_id, new_model_id(algorithm)),
            interactions=events_from_proto(request.interactions, "interactions"),
            items=items_from_proto(request.items, "items") if request.HasField("items") else None,
            users=users_from_proto(request.users, "users") if request.HasField("users") else None,
            preparation=_preparation_from_proto(request.preparation, algorithm),
            algorithm=algorithm,
            evaluation=evaluation_spec_from_proto(request.evaluation, "evaluation"),
            alias=alias,
            request_id=check_text("request_id", request.request_id, _REQUEST_ID_BYTES_MAX),
            early_stopping=early_stopping_from_proto(request.early_stopping, "early_stopping")
            if request.HasField("early_stopping")
            else None,
            tuning=tuning_from_proto(request.tuning, "tuning")
            if request.HasField("tuning")
            else None,
            warm_start_model=_warm_start_model(request.warm_start_model),
            target_recall=request.target_recall
            if request.HasField("target_recall")
            else TARGET_RECALL,
            index=index_spec_from_proto(request.index, "index"),
        )


def training_spec_to_proto(spec: TrainingSpec) -> pb2.TrainRequest:
    """Return the request that asks for exactly this training."""
    request = pb2.TrainRequest(
        catalog=spec.catalog,
        model_id=spec.model_id,
        interactions=events_to_proto(spec.interactions),
        items=None if spec.items is None else items_to_proto(spec.items),
        users=None if spec.users is None else users_to_proto(spec.users),
        preparation=pb2.Preparation(
            aggregation=enum_number(_AGGREGATIONS, spec.preparation.aggregation),
            user_events_min=spec.preparation.user_events_min,
            item_events_min=spec.preparation.item_events_min,
            value_min=spec.preparation.value_min,
        ),
        evaluation=evaluation_spec_to_proto(spec.evaluation),
        alias=spec.alias or "",
        keep_aliases=spec.alias is None,
        request_id=spec.request_id,
        warm_start_model=spec.warm_start_model,
        target_recall=spec.target_recall,
        index=index_spec_to_proto(spec.index),
    )
    if spec.early_stopping is not None:
        request.early_stopping.CopyFrom(early_stopping_to_proto(spec.early_stopping))
    if spec.tuning is not None:
        request.tuning.CopyFrom(tuning_to_proto(spec.tuning))
    params_to_proto(spec.algorithm, request)
    return request


def _warm_start_model(name: str) -> str:
    return name and name_from_text("warm_start_model", name, "")


def _preparation_from_proto(message: pb2.Preparation, params: Params) -> Preparation:
    aggregations = {pb2.AGGREGATION_UNSPECIFIED: algorithm_of(params).aggregation, **_AGGREGATIONS}
    value_min = None
    if message.HasField("value_min"):
        value_min = check_finite("preparation.value_min", message.value_min)
    least = "preparation.user_events_min", "preparation.item_events_min"
    with settings_at("preparation"):
        return Preparation(
            aggregation=enum_name("preparation.aggregation", message.aggregation, aggregations),
            user_events_min=int_in(least[0], message.user_events_min, 0, SUPPORT_MAX),
            item_events_min=int_in(least[1], message.item_events_min, 0, SUPPORT_MAX),
            value_min=value_min,
        )
