from shortlist.core.interactions import IntArray, LongArray

def admit(
    starts: LongArray,
    codes: IntArray,
    ranked: IntArray,
    most: int,
    wanted: int,
    admitted: LongArray,
    kept: LongArray,
) -> int: ...
