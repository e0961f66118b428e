"""Where data lies: InteractionSource and ItemSource, from the wire to the domain and back."""

URI_BYTES_MAX = 4096
COLUMN_BYTES_MAX = 512
SEPARATOR_BYTES_MAX = 8
ATTRIBUTE_COLUMNS_MAX = 100
FORMATS = ("", "parquet", "csv", "tsv", "arrow", "adjacency")
ENCODINGS = ("", "utf-8", "latin-1")
