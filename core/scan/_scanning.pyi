from shortlist.core.data.bitmaps import Bitmap
from shortlist.core.data.interactions import FloatArray, IntArray, LongArray
from shortlist.core.scan.quantization import ByteArray

def panel_floats(level: int) -> int: ...
def first_value_beyond(values: FloatArray, limit: float) -> int: ...
def query_words(level: int) -> int: ...
def quantize_queries(
    level: int,
    queries: FloatArray,
    dim: int,
    codes: IntArray,
    offsets: IntArray,
) -> None: ...
def scan(
    level: int,
    items: FloatArray,
    queries: FloatArray,
    rows: IntArray | None,
    panel: FloatArray,
    eligible: Bitmap | None,
    excluded_starts: LongArray | None,
    excluded_rows: IntArray | None,
    start: int,
    stop: int,
    keep: int,
    counts: LongArray,
    list_scores: FloatArray,
    list_rows: IntArray,
    cursors: LongArray,
    thresholds: FloatArray,
) -> None: ...
def scan_int8(
    level: int,
    codes: ByteArray,
    scales: FloatArray,
    query_codes: IntArray,
    query_offsets: IntArray,
    eligible: Bitmap | None,
    excluded_starts: LongArray | None,
    excluded_rows: IntArray | None,
    start: int,
    stop: int,
    keep: int,
    counts: LongArray,
    list_scores: FloatArray,
    list_rows: IntArray,
    cursors: LongArray,
    thresholds: FloatArray,
) -> None: ...
def finish(
    level: int,
    items: FloatArray | None,
    queries: FloatArray | None,
    margin: float,
    keep: int,
    counts: LongArray,
    list_scores: FloatArray,
    list_rows: IntArray,
    top_counts: LongArray,
    top_scores: FloatArray,
    top_rows: IntArray,
    merged_scores: FloatArray,
    merged_rows: IntArray,
    spare: Bitmap,
    doubtful: ByteArray,
) -> None: ...
def score_rows(
    level: int,
    items: FloatArray,
    query: FloatArray,
    rows: IntArray,
    scores: FloatArray,
) -> None: ...
