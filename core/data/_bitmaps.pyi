from shortlist.core.data.bitmaps import Bitmap
from shortlist.core.data.interactions import IntArray

def set_positions(bitmap: Bitmap, positions: IntArray) -> None: ...
