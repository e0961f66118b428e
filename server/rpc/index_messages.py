"""Indexes: from the wire to the domain and back."""

from shortlist.server.artifacts.manifest import IndexReport
from shortlist.server.domain.index import (
    AUTO,
    EXACT,
    GRAPH,
    LISTS,
    GraphOptions,
    IndexSpec,
)
from shortlist.server.errors import FieldInvalid
from shortlist.server.operations.index_exports import IndexHeader, IndexPiece
from shortlist.server.rpc.fields import (
    ALIAS_DEFAULT,
    catalog_from_text,
    enum_name,
    enum_number,
    name_from_text,
    settings_at,
)
from shortlist.v1 import model_service_pb2 as pb2

_KINDS = {
    pb2.INDEX_KIND_UNSPECIFIED: AUTO,
    pb2.INDEX_KIND_AUTO: AUTO,
    pb2.INDEX_KIND_USEARCH: GRAPH,
    pb2.INDEX_KIND_LISTS: LISTS,
    pb2.INDEX_KIND_EXACT: EXACT,
}
_GRAPH = GraphOptions()


def index_spec_from_proto(message: pb2.IndexSpec, path: str) -> IndexSpec:
    """Return the index that is asked for; an option that its kind does not have is an error."""
    kind = enum_name(f"{path}.kind", message.kind, _KINDS)
    if kind != GRAPH:
        for field, value in message.ListFields():
            if field.name != "kind":
                problem = f"{value!r} is set, but only {GRAPH} has it, not {kind}"
                raise FieldInvalid(f"{path}.{field.name}", problem, found=value)
        return IndexSpec(kind)
    with settings_at(path):
        options = GraphOptions(
            connectivity=message.connectivity or _GRAPH.connectivity,
            expansion_add=message.expansion_add or _GRAPH.expansion_add,
            dtype=message.dtype or _GRAPH.dtype,
            parallel_build=message.parallel_build,
        )
        return IndexSpec(kind, options)


def index_spec_to_proto(index: IndexSpec) -> pb2.IndexSpec:
    """Return the message that asks for exactly this index."""
    message = pb2.IndexSpec(kind=enum_number(_KINDS, index.kind))
    if index.graph is not None:
        message.connectivity = index.graph.connectivity
        message.expansion_add = index.graph.expansion_add
        message.dtype = index.graph.dtype
        message.parallel_build = index.graph.parallel_build
    return message


def index_report_to_proto(index: IndexReport) -> pb2.IndexReport:
    """Return what a model says about its index, without what live searches found."""
    return pb2.IndexReport(
        kind=index.kind,
        recall_at_100=index.recall_at_100,
        query_count=index.query_count,
        connectivity=index.connectivity,
        expansion_add=index.expansion_add,
        expansion_search=index.expansion_search,
        build_seconds=index.build_seconds,
        list_count=index.list_count,
        probes=index.probes,
        target_recall=index.target_recall,
        chosen=index.chosen,
        trials=[
            pb2.SearchTrial(
                method=trial.method,
                effort=trial.effort,
                recall_at_100=trial.recall_at_100,
                microseconds=trial.microseconds,
                skipped=trial.skipped,
            )
            for trial in index.trials
        ],
        asked=index.asked,
        dtype=index.dtype,
        build_threads=index.build_threads,
    )


def index_export_from_proto(request: pb2.ExportIndexRequest) -> tuple[str, str]:
    """Return (catalog, model id or alias)."""
    catalog = catalog_from_text(request.catalog)
    return catalog, name_from_text("model", request.model, ALIAS_DEFAULT)


def index_piece_to_proto(piece: IndexPiece) -> pb2.IndexPiece:
    """Return a part of an exported graph."""
    if isinstance(piece, bytes):
        return pb2.IndexPiece(file=piece)
    if isinstance(piece, IndexHeader):
        return pb2.IndexPiece(header=_header_to_proto(piece))
    return pb2.IndexPiece(ids=pb2.IndexIds(item_ids=piece))


def _header_to_proto(header: IndexHeader) -> pb2.IndexHeader:
    return pb2.IndexHeader(
        model=header.model_id,
        item_count=header.item_count,
        dim=header.dim,
        metric=header.metric,
        dtype=header.dtype,
        connectivity=header.connectivity,
        expansion_add=header.expansion_add,
        expansion_search=header.expansion_search,
        size_bytes=header.size_bytes,
        sha256=header.sha256,
    )
