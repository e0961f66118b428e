"""Byte order of outside ids (see core/data/id_order.py, the only importer).

Id i is utf8[offsets[i] : offsets[i + 1]].
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from *:
    uint64_t bswap64 "__builtin_bswap64"(uint64_t word) noexcept nogil

cdef enum:
    SPAN_SHORT = 48  # below this many ids insertion sort beats a radix pass's 256 counters


cdef inline uint64_t key_at(const uint8_t *utf8, int64_t start, int64_t stop) noexcept nogil:
    """Return up to eight bytes as a number that orders like them; zeros behind the end."""
    cdef uint64_t word = 0
    cdef int64_t size = stop - start
    if size > 0:
        memcpy(&word, utf8 + start, 8 if size > 8 else size)
    return bswap64(word)


cdef void radix_pass(
    int64_t count, int shift, const int64_t *starts,
    const uint64_t *keys, const int32_t *order, uint64_t *sorted_keys, int32_t *sorted_order,
) noexcept nogil:
    cdef int64_t position[256]
    cdef int64_t i, at
    memcpy(position, starts, sizeof(position))
    for i in range(count):
        at = position[(keys[i] >> shift) & 255]
        position[(keys[i] >> shift) & 255] += 1
        sorted_keys[at] = keys[i]
        sorted_order[at] = order[i]


cdef void sort_by_key(
    int64_t count, uint64_t *keys, int32_t *order, uint64_t *spare_keys, int32_t *spare_order,
) noexcept nogil:
    """Sort by key, equal keys in the order they came: insertion, or radix from the lowest byte."""
    cdef int64_t i, j, total, taken
    cdef uint64_t key
    cdef int32_t row
    cdef int64_t starts[256]
    cdef int shift
    cdef bint constant
    if count <= SPAN_SHORT:
        for i in range(1, count):
            key = keys[i]
            row = order[i]
            j = i
            while j > 0 and keys[j - 1] > key:
                keys[j] = keys[j - 1]
                order[j] = order[j - 1]
                j -= 1
            keys[j] = key
            order[j] = row
        return
    for shift in range(0, 64, 8):
        memset(starts, 0, sizeof(starts))
        for i in range(count):
            starts[(keys[i] >> shift) & 255] += 1
        constant = starts[(keys[0] >> shift) & 255] == count
        if constant:
            continue
        total = 0
        for i in range(256):
            taken = starts[i]
            starts[i] = total
            total += taken
        radix_pass(count, shift, starts, keys, order, spare_keys, spare_order)
        memcpy(keys, spare_keys, count * sizeof(uint64_t))
        memcpy(order, spare_order, count * sizeof(int32_t))


cdef void sort_span(
    const uint8_t *utf8, const int64_t *offsets, int64_t depth, int64_t count,
    uint64_t *keys, int32_t *order, uint64_t *spare_keys, int32_t *spare_order,
) noexcept nogil:
    """Sort ids that agree in their first `depth` bytes; recurses eight bytes further on ties."""
    cdef int64_t i, start, stop
    cdef bint longer
    for i in range(count):
        keys[i] = key_at(utf8, offsets[order[i]] + depth, offsets[order[i] + 1])
    sort_by_key(count, keys, order, spare_keys, spare_order)
    start = 0
    while start < count:
        stop = start + 1
        longer = offsets[order[start] + 1] - offsets[order[start]] > depth + 8
        while stop < count and keys[stop] == keys[start]:
            longer |= offsets[order[stop] + 1] - offsets[order[stop]] > depth + 8
            stop += 1
        if stop - start > 1:
            if longer:
                sort_span(utf8, offsets, depth + 8, stop - start,
                          keys + start, order + start, spare_keys, spare_order)
            else:  # equal up to zero bytes at the end: the shorter id comes first
                for i in range(start, stop):
                    keys[i] = offsets[order[i] + 1] - offsets[order[i]]
                sort_by_key(stop - start, keys + start, order + start, spare_keys, spare_order)
        start = stop


def sort_ids(
    const uint8_t[::1] utf8, const int64_t[::1] offsets,
    int32_t[::1] order,         # (ids,) holds 0, 1, 2 ...; written: ids in the order of their bytes
    uint64_t[::1] keys,         # (ids,) scratch
    uint64_t[::1] spare_keys,   # (ids,) scratch
    int32_t[::1] spare_order,   # (ids,) scratch
):
    """Sort the numbers in `order` by the UTF-8 bytes of the ids they stand for."""
    with nogil:
        sort_span(&utf8[0], &offsets[0], 0, order.shape[0],
                  &keys[0], &order[0], &spare_keys[0], &spare_order[0])
