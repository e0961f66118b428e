"""Hash table of integers (see core/data/integer_codes.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset

cdef enum:
    EMPTY = -1


cdef inline uint64_t home(int64_t value, int shift) noexcept nogil:
    """Fibonacci hashing: the upper bits of a product spread runs of numbers evenly."""
    return (<uint64_t>value * 0x9E3779B97F4A7C15u) >> shift


def fill_slots(
    const int64_t[::1] seen,
    int64_t known,
    int shift,
    int64_t[::1] slot_values,
    int32_t[::1] slot_codes,
):
    """Enter the first `known` values, all different; shift is 64 - log2(slots)."""
    cdef uint64_t mask = slot_codes.shape[0] - 1
    cdef uint64_t slot
    cdef int64_t code
    with nogil:
        memset(&slot_codes[0], 0xFF, slot_codes.shape[0] * sizeof(int32_t))
        for code in range(known):
            slot = home(seen[code], shift)
            while slot_codes[slot] != EMPTY:
                slot = (slot + 1) & mask
            slot_values[slot] = seen[code]
            slot_codes[slot] = <int32_t>code


def code_integers(
    const int64_t[::1] values,  # (rows,)
    int64_t[::1] seen,          # room for all rows behind the known ones; new values are appended
    int64_t known,
    int shift,
    int64_t[::1] slot_values,  # (slots,) more than twice what seen may hold
    int32_t[::1] slot_codes,   # (slots,)
    int32_t[::1] codes,         # (rows,) written
):
    """Write the code of each value, new ones in order of first sight; return how many are known."""
    cdef uint64_t mask = slot_codes.shape[0] - 1
    cdef uint64_t slot
    cdef int64_t i
    with nogil:
        for i in range(values.shape[0]):
            slot = home(values[i], shift)
            while slot_codes[slot] != EMPTY and slot_values[slot] != values[i]:
                slot = (slot + 1) & mask
            if slot_codes[slot] == EMPTY:
                slot_values[slot] = values[i]
                slot_codes[slot] = <int32_t>known
                seen[known] = values[i]
                known += 1
            codes[i] = slot_codes[slot]
    return known
