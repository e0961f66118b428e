"""Models and aliases: from the wire to the domain and back."""

from shortlist.server.domain.training import spec_from_json
from shortlist.server.operations.models import AliasTarget, PublishedModel
from shortlist.server.rpc.evaluation_messages import evaluation_to_proto
from shortlist.server.rpc.fields import (
    ALIAS_DEFAULT,
    catalog_from_text,
    enum_name,
    name_from_text,
)
from shortlist.server.rpc.index_messages import index_report_to_proto
from shortlist.server.rpc.pages import Page, page_from_proto
from shortlist.server.rpc.search_messages import trial_to_proto
from shortlist.server.rpc.times import time_to_proto
from shortlist.server.rpc.training_messages import training_spec_to_proto
from shortlist.v1 import model_service_pb2 as pb2

_VIEWS = {
    pb2.MODEL_VIEW_UNSPECIFIED: "",
    pb2.MODEL_VIEW_BASIC: "basic",
    pb2.MODEL_VIEW_FULL: "full",
}


def model_name_from_proto(request: pb2.GetModelRequest) -> tuple[str, str, bool]:
    """Return (catalog, model id or alias, whether the full model is wanted)."""
    catalog = catalog_from_text(request.catalog)
    name = name_from_text("model", request.model, ALIAS_DEFAULT)
    return catalog, name, _is_full(request.view, default=True)


def model_id_from_proto(request: pb2.DeleteModelRequest) -> tuple[str, str]:
    """Return (catalog, model id)."""
    return catalog_from_text(request.catalog), name_from_text("model_id", request.model_id)


def models_page_from_proto(request: pb2.ListModelsRequest) -> tuple[str, Page, bool]:
    """Return (catalog, page, whether full models are wanted)."""
    page = page_from_proto(request.page_size, request.page_token)
    return catalog_from_text(request.catalog), page, _is_full(request.view, default=False)


def _is_full(view: int, default: bool) -> bool:
    name = enum_name("view", view, _VIEWS)
    return name == "full" if name else default


def alias_from_proto(request: pb2.SetAliasRequest) -> tuple[str, str, str]:
    """Return (catalog, alias, model id)."""
    catalog = catalog_from_text(request.catalog)
    name = name_from_text("name", request.name, ALIAS_DEFAULT)
    return catalog, name, name_from_text("model_id", request.model_id)


def catalog_from_proto(request: pb2.ListAliasesRequest) -> str:
    """Return the catalog."""
    return catalog_from_text(request.catalog)


def model_to_proto(model: PublishedModel, is_full: bool) -> pb2.Model:
    """Return a model; not full: without its details."""
    manifest = model.manifest
    message = pb2.Model(
        model_id=manifest.model_id,
        catalog=manifest.catalog,
        create_time=time_to_proto(manifest.created_ms),
        dim=manifest.dim,
        item_count=manifest.item_count,
        user_count=manifest.user_count,
        interaction_count=manifest.interaction_count,
        size_bytes=sum(file.bytes for file in manifest.files.values()),
        training_seconds=manifest.training_seconds,
        aliases=model.aliases,
        attribute_columns=manifest.attribute_columns,
        algorithm=manifest.algorithm,
    )
    if is_full:
        message.MergeFrom(_details_to_proto(model))
    return message


def _details_to_proto(model: PublishedModel) -> pb2.Model:
    """Return what BASIC leaves out: it grows with epochs, cut-offs and trials."""
    manifest = model.manifest
    return pb2.Model(
        request=training_spec_to_proto(spec_from_json(manifest.spec)),
        losses=manifest.losses,
        evaluation=evaluation_to_proto(manifest.evaluation) if manifest.evaluation else None,
        index=_index_to_proto(model),
        trials=map(trial_to_proto, manifest.trials),
    )


def _index_to_proto(model: PublishedModel) -> pb2.IndexReport:
    report = index_report_to_proto(model.manifest.index)
    report.live_recalls.extend(
        pb2.LiveRecall(
            k=one.cutoff,
            query_count=one.queries,
            recall=one.recall,
            standard_error=one.standard_error,
            dropped_count=one.dropped,
        )
        for one in model.live_recalls
    )
    return report


def model_page_to_proto(
    models: list[PublishedModel], next_token: str, is_full: bool
) -> pb2.ListModelsResponse:
    """Return one page of models."""
    shown = [model_to_proto(model, is_full) for model in models]
    return pb2.ListModelsResponse(models=shown, next_page_token=next_token)


def alias_to_proto(alias: AliasTarget) -> pb2.Alias:
    """Return an alias."""
    return pb2.Alias(
        name=alias.name,
        model_id=alias.model_id,
        catalog=alias.catalog,
        generation=alias.generation,
    )


def aliases_to_proto(aliases: list[AliasTarget]) -> pb2.ListAliasesResponse:
    """Return the aliases of a catalog."""
    return pb2.ListAliasesResponse(aliases=map(alias_to_proto, aliases))
