from shortlist.core.data.bitmaps import Bitmap
from shortlist.core.data.interactions import FloatArray, IntArray, LongArray
from shortlist.core.scan.quantization import ByteArray

def scratch_words(level: int, capacity: int, dim: int) -> int: ...
def search(
    level: int,
    bounds: ByteArray,
    bound_scales: FloatArray,
    length_share: float,
    spans: LongArray,
    rows: IntArray,
    codes: ByteArray,
    scales: FloatArray,
    items: FloatArray,
    queries: FloatArray,
    allowed: Bitmap | None,
    excluded_starts: LongArray | None,
    excluded_rows: IntArray | None,
    probes: int,
    keep: int,
    counts: LongArray,
    top_scores: FloatArray,
    top_rows: IntArray,
    scored: LongArray,
    capacity: int,
    scratch: Bitmap,
) -> None: ...
