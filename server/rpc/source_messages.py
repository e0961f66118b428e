"""Where data lies: InteractionSource and ItemSource, from the wire to the domain and back."""

from shortlist.server.errors import FieldInvalid
from shortlist.server.reading.source import EventColumns, EventSource, ItemSource
from shortlist.server.rpc.fields import check_length, check_text, shown
from shortlist.v1 import model_service_pb2 as pb2

URI_BYTES_MAX = 4096
COLUMN_BYTES_MAX = 512
SEPARATOR_BYTES_MAX = 8
ATTRIBUTE_COLUMNS_MAX = 100
FORMATS = ("", "parquet", "csv", "tsv", "arrow", "adjacency")
ENCODINGS = ("", "utf-8", "latin-1")
