"""Where data lies: InteractionSource and ItemSource, from the wire to the domain and back."""

from shortlist.server.errors import FieldInvalid
from shortlist.server.reading import EventColumns, EventSource, ItemSource, TextOptions
from shortlist.server.rpc.fields import check_length, check_text, shown
from shortlist.v1 import model_service_pb2 as pb2

URI_BYTES_MAX = 4096
COLUMN_BYTES_MAX = 512
SEPARATOR_BYTES_MAX = 8
ATTRIBUTE_COLUMNS_MAX = 100
FORMATS = ("parquet", "csv", "tsv", "arrow", "adjacency")
ENCODINGS = ("utf-8", "latin-1")


def events_from_proto(message: pb2.InteractionSource, path: str) -> EventSource:
    """Return where interactions lie and which columns they have."""
    if not message.HasField("source"):
        raise FieldInvalid(f"{path}.source", "is required")
    raise NotImplementedError
def events_to_proto(m): ...
def items_from_proto(m, p): ...
def items_to_proto(m): ...
