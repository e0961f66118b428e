"""Exports: from the wire to the domain and back."""

from shortlist.server.domain.exporting import (
    COUNT_DEFAULT,
    COUNT_MAX,
    ExportKind,
    ExportProgress,
    ExportRequest,
)
from shortlist.server.domain.names import ALIAS_DEFAULT
from shortlist.server.errors import FieldInvalid
from shortlist.server.rpc.fields import (
    catalog_from_text,
    enum_name,
    int_in,
    name_from_text,
)
from shortlist.v1 import model_service_pb2 as pb2

_KINDS: dict[int, ExportKind] = {
    pb2.EXPORT_KIND_UNSPECIFIED: "users",
    pb2.EXPORT_KIND_USERS: "users",
    pb2.EXPORT_KIND_ITEMS: "items",
}


def export_request_from_proto(request: pb2.ExportCandidatesRequest) -> ExportRequest:
    """Return what to export."""
    kind: ExportKind = enum_name("kind", request.kind, _KINDS)
    if request.include_seen and kind != "users":
        raise FieldInvalid("include_seen", "is about users; items have seen nothing", found=True)
    return ExportRequest(
        catalog=catalog_from_text(request.catalog),
        model=name_from_text("model", request.model, ALIAS_DEFAULT),
        kind=kind,
        count=int_in("count", request.count, 0, COUNT_MAX) or COUNT_DEFAULT,
        include_seen=request.include_seen,
        export_id=name_from_text("export_id", request.export_id, ""),
    )


def progress_to_proto(progress: ExportProgress) -> pb2.ExportProgress:
    """Return how far an export is."""
    return pb2.ExportProgress(
        export_id=progress.export_id,
        model=progress.model_id,
        path=progress.path,
        row_count=progress.row_count,
        total_row_count=progress.total_row_count,
        size_bytes=progress.size_bytes,
        seconds_left=progress.seconds_left,
    )
