from shortlist.core.bitmaps import Bitmap
from shortlist.core.interactions import FloatArray, IntArray, LongArray

def panel_floats(level: int) -> int: ...
def first_value_beyond(values: FloatArray, limit: float) -> int: ...
def scan(
    level: int,
    items: FloatArray,
    rows: IntArray | None,
    eligible: Bitmap | None,
    start: int,
    stop: int,
    queries: FloatArray,
    excluded_starts: LongArray | None,
    excluded_rows: IntArray | None,
    keep: int,
    counts: LongArray,
    list_scores: FloatArray,
    list_rows: IntArray,
    cursors: LongArray,
    thresholds: FloatArray,
    panel: FloatArray,
) -> None: ...
def finish(
    level: int,
    counts: LongArray,
    list_scores: FloatArray,
    list_rows: IntArray,
    top_counts: LongArray,
    top_scores: FloatArray,
    top_rows: IntArray,
    merged_scores: FloatArray,
    merged_rows: IntArray,
    spare: Bitmap,
) -> None: ...
def score_rows(
    level: int,
    items: FloatArray,
    query: FloatArray,
    rows: IntArray,
    scores: FloatArray,
) -> None: ...
