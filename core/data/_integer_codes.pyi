from shortlist.core.data.interactions import IntArray, LongArray

def fill_slots(
    seen: LongArray, known: int, shift: int, slot_values: LongArray, slot_codes: IntArray
) -> None: ...
def code_integers(
    values: LongArray,
    seen: LongArray,
    known: int,
    shift: int,
    slot_values: LongArray,
    slot_codes: IntArray,
    codes: IntArray,
) -> int: ...
