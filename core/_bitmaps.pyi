from shortlist.core.bitmaps import Bitmap
from shortlist.core.interactions import IntArray

def set_positions(bitmap: Bitmap, positions: IntArray) -> None: ...
