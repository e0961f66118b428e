"""Models and aliases: from the wire to the domain and back."""

from shortlist.server.domain.names import ALIAS_DEFAULT
from shortlist.server.domain.training import spec_from_json
from shortlist.server.operations.models import AliasTarget, PublishedModel
from shortlist.server.rpc.evaluation_messages import evaluation_to_proto
from shortlist.server.rpc.fields import catalog_from_text, name_from_text
from shortlist.server.rpc.left_out_messages import left_out_to_proto
from shortlist.server.rpc.pages import Page, page_from_proto
from shortlist.server.rpc.search_messages import trial_to_proto
from shortlist.server.rpc.times import time_to_proto
from shortlist.server.rpc.training_messages import training_spec_to_proto
from shortlist.v1 import model_service_pb2 as pb2


def model_name_from_proto(request: pb2.GetModelRequest) -> tuple[str, str]:
    """Return (catalog, model id or alias)."""
    catalog = catalog_from_text(request.catalog)
    return catalog, name_from_text("model", request.model, ALIAS_DEFAULT)


def model_id_from_proto(request: pb2.DeleteModelRequest) -> tuple[str, str]:
    """Return (catalog, model id)."""
    return catalog_from_text(request.catalog), name_from_text("model_id", request.model_id)


def models_page_from_proto(request: pb2.ListModelsRequest) -> tuple[str, Page]:
    """Return (catalog, page)."""
    page = page_from_proto(request.page_size, request.page_token)
    return catalog_from_text(request.catalog), page


def alias_from_proto(request: pb2.SetAliasRequest) -> tuple[str, str, str]:
    """Return (catalog, alias, model id)."""
    catalog = catalog_from_text(request.catalog)
    name = name_from_text("name", request.name, ALIAS_DEFAULT)
    return catalog, name, name_from_text("model_id", request.model_id)


def catalog_from_proto(request: pb2.ListAliasesRequest) -> str:
    """Return the catalog."""
    return catalog_from_text(request.catalog)


def model_to_proto(model: PublishedModel) -> pb2.Model:
    """Return a model."""
    manifest = model.manifest
    return pb2.Model(
        model_id=manifest.model_id,
        catalog=manifest.catalog,
        request=training_spec_to_proto(spec_from_json(manifest.spec)),
        create_time=time_to_proto(manifest.created_ms),
        dim=manifest.dim,
        item_count=manifest.item_count,
        user_count=manifest.user_count,
        interaction_count=manifest.interaction_count,
        losses=manifest.losses,
        evaluation=evaluation_to_proto(manifest.evaluation) if manifest.evaluation else None,
        index=pb2.IndexReport(
            kind=manifest.index.kind,
            recall_at_100=manifest.index.recall_at_100,
            query_count=manifest.index.query_count,
            connectivity=manifest.index.connectivity,
            expansion_add=manifest.index.expansion_add,
            expansion_search=manifest.index.expansion_search,
            build_seconds=manifest.index.build_seconds,
            list_count=manifest.index.list_count,
            probes=manifest.index.probes,
            target_recall=manifest.index.target_recall,
            chosen=manifest.index.chosen,
            trials=[
                pb2.SearchTrial(
                    method=trial.method,
                    effort=trial.effort,
                    recall_at_100=trial.recall_at_100,
                    microseconds=trial.microseconds,
                )
                for trial in manifest.index.trials
            ],
            live_recalls=[
                pb2.LiveRecall(
                    k=one.cutoff,
                    query_count=one.queries,
                    recall=one.recall,
                    standard_error=one.standard_error,
                    dropped_count=one.dropped,
                )
                for one in model.live_recalls
            ],
        ),
        size_bytes=sum(file.bytes for file in manifest.files.values()),
        training_seconds=manifest.training_seconds,
        aliases=model.aliases,
        attribute_columns=manifest.attribute_columns,
        trials=map(trial_to_proto, manifest.trials),
        left_out=left_out_to_proto(manifest.left_out),
    )


def model_page_to_proto(models: list[PublishedModel], next_token: str) -> pb2.ListModelsResponse:
    """Return one page of models."""
    return pb2.ListModelsResponse(models=map(model_to_proto, models), next_page_token=next_token)


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
