"""Counting sorts between events and compressed rows (see interactions.py, the only importer).

A kernel that scatters takes a range of target rows, reads all of its input and writes only what
falls in that range. So threads share nothing, and the number of ranges never changes a bit.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef enum:
    SUM = 0
    MAX = 1
    LAST = 2
    COUNT = 3
    ROW_SHORT = 40  # below this many entries insertion sort beats a radix pass's 256 counters


def count_keys(const int32_t[::1] keys, int64_t[::1] counts):
    """Add to counts[k] how often k occurs in keys."""
    cdef int64_t i
    with nogil:
        for i in range(keys.shape[0]):
            counts[keys[i]] += 1


def scatter_events(
    const int32_t[::1] rows,      # (events,)
    const int32_t[::1] columns,   # (events,)
    const uint32_t[::1] payload,  # (events,) bits of the value; empty: the number of the event
    int32_t first, int32_t last,  # range of rows to write
    int64_t[::1] position,        # (rows,) where each row's next entry goes; moved on
    uint64_t[::1] entries,        # (events,) written: column << 32 | payload, in reading order
):
    """Gather the events of some rows, row by row."""
    cdef int64_t i
    cdef int32_t row
    cdef bint numbered = payload.shape[0] == 0
    cdef uint64_t low
    with nogil:
        for i in range(rows.shape[0]):
            row = rows[i]
            if row < first or row >= last:
                continue
            low = <uint64_t>i if numbered else payload[i]
            entries[position[row]] = (<uint64_t>columns[i] << 32) | low
            position[row] += 1


cdef uint64_t *sort_row(int64_t count, int bits, uint64_t *row, uint64_t *spare) noexcept nogil:
    """Sort one row by column, reading order inside a column; return whichever buffer holds it."""
    cdef int64_t starts[256]
    cdef int64_t i, j, total, taken
    cdef uint64_t entry
    cdef uint64_t *swapped
    cdef int shift
    if count <= ROW_SHORT:
        for i in range(1, count):
            entry = row[i]
            j = i
            while j > 0 and (row[j - 1] >> 32) > (entry >> 32):
                row[j] = row[j - 1]
                j -= 1
            row[j] = entry
        return row
    for shift in range(32, 32 + bits, 8):
        memset(starts, 0, sizeof(starts))
        for i in range(count):
            starts[(row[i] >> shift) & 255] += 1
        total = 0
        for i in range(256):
            taken = starts[i]
            starts[i] = total
            total += taken
        for i in range(count):
            j = (row[i] >> shift) & 255
            spare[starts[j]] = row[i]
            starts[j] += 1
        swapped = row
        row = spare
        spare = swapped
    return row


cdef inline float as_value(uint64_t entry) noexcept nogil:
    cdef uint32_t bits = <uint32_t>entry
    cdef float value
    memcpy(&value, &bits, sizeof(float))
    return value


cdef float aggregated(
    const uint64_t *pairs, int64_t count, int aggregate, const float *values, const int64_t *times
) noexcept nogil:
    """Make one value of the events of one pair; sums are double, in reading order."""
    cdef double total = 0
    cdef float largest
    cdef uint32_t event, latest
    cdef int64_t i
    if aggregate == COUNT:
        return <float>count
    if aggregate == SUM:
        for i in range(count):
            total += as_value(pairs[i])
        return <float>total
    if aggregate == MAX:
        largest = as_value(pairs[0])
        for i in range(1, count):
            largest = max(largest, as_value(pairs[i]))
        return largest
    latest = <uint32_t>pairs[0]
    for i in range(1, count):
        event = <uint32_t>pairs[i]
        if times == NULL or times[event] >= times[latest]:
            latest = event
    return values[latest]


def merge_pairs(
    uint64_t[::1] entries,         # (events,) of all rows; each row's part is left sorted, merged
    const int64_t[::1] starts,     # (rows + 1,) where each row starts in entries
    int64_t first, int64_t last,   # range of rows to work on
    int column_bits,
    int aggregate,
    const float[::1] values,       # (events,)
    const int64_t[::1] times,      # (events,), or empty where unknown
    uint64_t[::1] spare,           # (longest row of the range,) scratch
    int64_t[::1] merged_counts,    # (rows,) written: pairs of each row
):
    """Sort each row by column and make one entry, column << 32 | value's bits, of every pair."""
    cdef int64_t row, i, j, count, kept
    cdef const int64_t *known_times = &times[0] if times.shape[0] else NULL
    cdef uint64_t *target
    cdef uint64_t *row_entries
    cdef uint32_t bits
    cdef float value
    with nogil:
        for row in range(first, last):
            target = &entries[starts[row]]
            count = starts[row + 1] - starts[row]
            row_entries = sort_row(count, column_bits, target, &spare[0])
            kept = 0
            i = 0
            while i < count:
                j = i + 1
                while j < count and (row_entries[j] >> 32) == (row_entries[i] >> 32):
                    j += 1
                value = aggregated(row_entries + i, j - i, aggregate, &values[0], known_times)
                memcpy(&bits, &value, sizeof(float))
                target[kept] = (row_entries[i] & 0xFFFFFFFF00000000u) | bits
                kept += 1
                i = j
            merged_counts[row] = kept


def split_entries(
    const uint64_t[::1] entries, const int64_t[::1] starts, const int64_t[::1] row_starts,
    int64_t first, int64_t last, int32_t[::1] columns, float[::1] values,
):
    """Write the merged entries of rows first..last-1 as columns and values."""
    cdef int64_t row, i, shift
    with nogil:
        for row in range(first, last):
            shift = starts[row] - row_starts[row]
            for i in range(row_starts[row], row_starts[row + 1]):
                columns[i] = <int32_t>(entries[i + shift] >> 32)
                values[i] = as_value(entries[i + shift])


def transpose_rows(
    const int64_t[::1] row_starts, const int32_t[::1] columns, const float[::1] values,
    int32_t first, int32_t last,  # range of columns to write
    int64_t[::1] position,        # (columns,) where each column's next entry goes; moved on
    int32_t[::1] turned_columns, float[::1] turned_values,  # (entries,) written
):
    """Write the entries of some columns, column by column, rows ascending."""
    cdef int64_t row, i, at
    cdef int32_t column
    with nogil:
        for row in range(row_starts.shape[0] - 1):
            for i in range(row_starts[row], row_starts[row + 1]):
                column = columns[i]
                if column < first or column >= last:
                    continue
                at = position[column]
                position[column] = at + 1
                turned_columns[at] = <int32_t>row
                turned_values[at] = values[i]


def copy_rows(
    const int64_t[::1] row_starts, const int32_t[::1] columns, const float[::1] values,
    const int32_t[::1] rows, const int64_t[::1] copied_starts,
    int32_t[::1] copied_columns, float[::1] copied_values,
):
    """Copy whole rows, in the order asked."""
    cdef int64_t i, start, count
    with nogil:
        for i in range(rows.shape[0]):
            start = row_starts[rows[i]]
            count = row_starts[rows[i] + 1] - start
            memcpy(&copied_columns[copied_starts[i]], &columns[start], count * sizeof(int32_t))
            memcpy(&copied_values[copied_starts[i]], &values[start], count * sizeof(float))
