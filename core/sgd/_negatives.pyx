"""The drawing loop of negative sampling (see core/sgd/negatives.py, the only importer)."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from *:
    """
    /* The high half of a 64 x 64 bit product: a random word scaled to 0..n-1. */
    static inline uint64_t high_product(uint64_t word, uint64_t n) {
        return (uint64_t)(((unsigned __int128)word * n) >> 64);
    }
    """
    uint64_t high_product(uint64_t word, uint64_t n) noexcept nogil

cdef enum:
    BITMAP_GAIN = 4  # draws a positive below which marking a user's positives does not pay


cdef inline uint64_t mix(uint64_t word) noexcept nogil:
    """Scramble a counter (splitmix64: Steele, Lea, Flood, OOPSLA 2014)."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu
    return word ^ (word >> 31)


cdef inline bint contains(const int32_t *sorted_items, int64_t count, int32_t item) noexcept nogil:
    cdef int64_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) >> 1
        if sorted_items[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low < count and sorted_items[low] == item


def sample_rows(
    const int32_t[::1] users,         # (n,)
    const int64_t[::1] row_starts,    # (users + 1,) of the positives
    const int32_t[::1] columns,       # (entries,) ascending in a row
    int64_t item_count,
    const uint32_t[::1] thresholds,   # (items,) alias table, or empty for uniform
    const int32_t[::1] aliases,       # (items,)
    uint64_t seed,
    int64_t attempts_max,             # a sample
    int64_t first, int64_t last,      # range of `users` to draw for
    int32_t[:, ::1] items,            # (n, count) written from the left
    int32_t[::1] counts,              # (n,) written: how many
    uint64_t[::1] marks,              # (items / 64 + 1,) scratch, all zero, left all zero
):
    """Draw for users first..last-1; return how many samples found no negative item."""
    cdef int64_t i, start, length, sample, attempt, taken, j, misses = 0
    cdef int64_t wanted = items.shape[1]
    cdef uint64_t counter, word, place
    cdef int32_t item
    cdef const int32_t *positives
    cdef bint marked, weighted = thresholds.shape[0] > 0, positive
    with nogil:
        for i in range(first, last):
            start = row_starts[users[i]]
            length = row_starts[users[i] + 1] - start
            positives = &columns[0] + start if length else NULL
            marked = length > 0 and wanted * BITMAP_GAIN > length
            if marked:
                for j in range(length):
                    marks[positives[j] >> 6] |= <uint64_t>1 << (positives[j] & 63)
            # A stream a position: neither threads nor chunks can change what it draws.
            counter = mix(seed + 0x9E3779B97F4A7C15u * <uint64_t>(i + 1))
            taken = 0
            for sample in range(wanted):
                for attempt in range(attempts_max):
                    counter += 0x9E3779B97F4A7C15u
                    word = mix(counter)
                    place = high_product(word, item_count)
                    item = <int32_t>place
                    if weighted and <uint32_t>(mix(word)) >= thresholds[place]:
                        item = aliases[place]
                    if marked:
                        positive = (marks[item >> 6] >> (item & 63)) & 1
                    else:
                        positive = length > 0 and contains(positives, length, item)
                    if not positive:
                        items[i, taken] = item
                        taken += 1
                        break
                else:
                    misses += 1
            counts[i] = <int32_t>taken
            if marked:
                for j in range(length):
                    marks[positives[j] >> 6] = 0
    return misses
