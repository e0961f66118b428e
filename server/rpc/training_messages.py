"""TrainRequest: from the wire to a training spec, and back for jobs and models to show."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from shortlist.core.errors import SettingInvalid
from shortlist.core.interactions import Aggregate
from shortlist.core.wals_params import WalsParams
from shortlist.server.errors import FieldInvalid
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
)
from shortlist.server.rpc.source_messages import (
    events_from_proto,
    events_to_proto,
    items_from_proto,
    items_to_proto,
)
from shortlist.server.training.spec import (
    SUPPORT_MAX,
    PopularityParams,
    Preparation,
    TrainingSpec,
)
from shortlist.server.trainings import new_model_id
from shortlist.v1 import model_service_pb2 as pb2

_REQUEST_ID_BYTES_MAX = 128
_AGGREGATIONS: dict[pb2.Aggregation.ValueType, Aggregate] = {
    pb2.AGGREGATION_UNSPECIFIED: "sum",
    pb2.AGGREGATION_SUM: "sum",
    pb2.AGGREGATION_MAX: "max",
    pb2.AGGREGATION_LAST: "last",
    pb2.AGGREGATION_COUNT: "count",
}
_TRANSFORMS: dict[pb2.ValueTransform.ValueType, Literal["none", "linear", "log"]] = {
    pb2.VALUE_TRANSFORM_UNSPECIFIED: "none",
    pb2.VALUE_TRANSFORM_NONE: "none",
    pb2.VALUE_TRANSFORM_LINEAR: "linear",
    pb2.VALUE_TRANSFORM_LOG: "log",
}
_SOLVERS: dict[pb2.Solver.ValueType, Literal["auto", "cg", "cholesky"]] = {
    pb2.SOLVER_UNSPECIFIED: "auto",
    pb2.SOLVER_CONJUGATE_GRADIENT: "cg",
    pb2.SOLVER_CHOLESKY: "cholesky",
}
# Fields of WalsSpec that mean "the default" when unset, and those that do when zero.
_WALS_OPTIONAL = (
    "unobserved_weight",
    "regularization",
    "regularization_exponent",
    "value_alpha",
    "value_epsilon",
    "init_stddev",
)
_WALS_NUMBERS = ("user_frequency_exponent", "item_frequency_exponent")


def training_spec_from_proto(request: pb2.TrainRequest) -> TrainingSpec:
    """Return the training that is asked for, with the server's choices filled in."""
    algorithm = _algorithm_from_proto(request)
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
            preparation=_preparation_from_proto(request.preparation),
            algorithm=algorithm,
            evaluation=evaluation_spec_from_proto(request.evaluation, "evaluation"),
            alias=alias,
            request_id=check_text("request_id", request.request_id, _REQUEST_ID_BYTES_MAX),
        )


def training_spec_to_proto(spec: TrainingSpec) -> pb2.TrainRequest:
    """Return the request that asks for exactly this training."""
    algorithm = spec.algorithm
    wals = _wals_to_proto(algorithm) if isinstance(algorithm, WalsParams) else None
    popularity = None
    if isinstance(algorithm, PopularityParams):
        popularity = pb2.PopularitySpec(half_life_days=algorithm.half_life_days)
    return pb2.TrainRequest(
        catalog=spec.catalog,
        model_id=spec.model_id,
        interactions=events_to_proto(spec.interactions),
        items=None if spec.items is None else items_to_proto(spec.items),
        preparation=pb2.Preparation(
            aggregation=enum_number(_AGGREGATIONS, spec.preparation.aggregation),
            user_events_min=spec.preparation.user_events_min,
            item_events_min=spec.preparation.item_events_min,
            value_min=spec.preparation.value_min,
        ),
        wals=wals,
        popularity=popularity,
        evaluation=evaluation_spec_to_proto(spec.evaluation),
        alias=spec.alias or "",
        keep_aliases=spec.alias is None,
        request_id=spec.request_id,
    )


@contextmanager
def settings_at(path: str) -> Iterator[None]:
    """Give a core parameter's error the path that the parameter has in the request."""
    try:
        yield
    except SettingInvalid as error:
        field = f"{path}.{error.field}" if path else error.field
        problem = f"{error.found!r} is not allowed: {error.allowed}"
        raise FieldInvalid(field, problem, found=error.found, allowed=error.allowed) from error


def _algorithm_from_proto(request: pb2.TrainRequest) -> WalsParams | PopularityParams:
    if request.WhichOneof("algorithm") == "popularity":
        spec = request.popularity
        half_life = spec.half_life_days if spec.HasField("half_life_days") else None
        with settings_at("popularity"):
            return PopularityParams(half_life_days=half_life)
    return _wals_from_proto(request.wals)


def _wals_from_proto(spec: pb2.WalsSpec) -> WalsParams:
    given: dict[str, Any] = {}
    for name in _WALS_OPTIONAL:
        if spec.HasField(name):  # type: ignore[arg-type] # a name checked by the tests
            given[name] = check_finite(f"wals.{name}", getattr(spec, name))
    for name in _WALS_NUMBERS:
        given[name] = check_finite(f"wals.{name}", getattr(spec, name))
    if spec.dim:
        given["dim"] = int_in("wals.dim", spec.dim, 1, 4096)
    if spec.epochs:
        given["epochs"] = int_in("wals.epochs", spec.epochs, 1, 1000)
    with settings_at("wals"):
        return WalsParams(
            **given,
            value_transform=enum_name("wals.value_transform", spec.value_transform, _TRANSFORMS),
            solver=enum_name("wals.solver", spec.solver, _SOLVERS),
            seed=spec.seed,
        )


def _wals_to_proto(params: WalsParams) -> pb2.WalsSpec:
    numbers = {name: getattr(params, name) for name in (*_WALS_OPTIONAL, *_WALS_NUMBERS)}
    return pb2.WalsSpec(
        dim=params.dim,
        epochs=params.epochs,
        value_transform=enum_number(_TRANSFORMS, params.value_transform),
        solver=enum_number(_SOLVERS, params.solver),
        seed=params.seed,
        **numbers,
    )


def _preparation_from_proto(message: pb2.Preparation) -> Preparation:
    value_min = None
    if message.HasField("value_min"):
        value_min = check_finite("preparation.value_min", message.value_min)
    least = "preparation.user_events_min", "preparation.item_events_min"
    with settings_at("preparation"):
        return Preparation(
            aggregation=enum_name("preparation.aggregation", message.aggregation, _AGGREGATIONS),
            user_events_min=int_in(least[0], message.user_events_min, 0, SUPPORT_MAX),
            item_events_min=int_in(least[1], message.item_events_min, 0, SUPPORT_MAX),
            value_min=value_min,
        )
