"""Hash table and byte order of outside ids (see core/data/vocabulary.py, the only importer).

Id i is utf8[offsets[i] : offsets[i + 1]]. The table is open addressing with linear probing: a slot
holds a row, or EMPTY. At most half of the slots are taken, so every probe ends.
"""

cimport cython
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef extern from *:
    uint64_t bswap64 "__builtin_bswap64"(uint64_t word) noexcept nogil
    void prefetch "__builtin_prefetch"(const void *address) noexcept nogil

cdef enum:
    EMPTY = -1
    BLOCK = 32  # ids hashed ahead, so that their slots are on the way when they are probed
    SPAN_SHORT = 48  # below this many ids insertion sort beats a radix pass's 256 counters


cdef inline uint64_t word_at(const uint8_t *text) noexcept nogil:
    cdef uint64_t word
    memcpy(&word, text, 8)
    return word


cdef inline uint64_t short_word(const uint8_t *text, int64_t size) noexcept nogil:
    """Pack 0 to 7 bytes into one number, different texts of one size into different numbers.

    Two overlapping loads, or three bytes: a copy of a size known only at run time costs a call.
    """
    cdef uint32_t head, tail
    if size >= 4:
        memcpy(&head, text, 4)
        memcpy(&tail, text + size - 4, 4)
        return (<uint64_t>tail << 32) | head
    if size == 0:
        return 0
    return (<uint64_t>text[0] << 16) | (<uint64_t>text[size >> 1] << 8) | text[size - 1]


cdef inline uint64_t mixed(uint64_t hashed, uint64_t word) noexcept nogil:
    hashed = (hashed ^ word) * 0xD6E8FEB86659FD93u
    return hashed ^ (hashed >> 32)


cdef inline uint64_t hash_id(const uint8_t *text, int64_t size) noexcept nogil:
    """Multiply and fold, eight little-endian bytes at a time, the last eight overlapping.

    Artifacts store tables made with it: another hash is another format version.
    """
    cdef uint64_t hashed = <uint64_t>size * 0x9E3779B97F4A7C15u
    cdef int64_t at
    if size < 8:
        hashed = mixed(hashed, short_word(text, size))
    else:
        for at in range(0, size - 7, 8):
            hashed = mixed(hashed, word_at(text + at))
        if size & 7:
            hashed = mixed(hashed, word_at(text + size - 8))
    hashed *= 0xD6E8FEB86659FD93u
    return hashed ^ (hashed >> 29)


cdef inline bint same_bytes(const uint8_t *one, const uint8_t *other, int64_t size) noexcept nogil:
    cdef int64_t at
    if size < 8:
        return short_word(one, size) == short_word(other, size)
    for at in range(0, size - 7, 8):
        if word_at(one + at) != word_at(other + at):
            return False
    return word_at(one + size - 8) == word_at(other + size - 8)


cdef inline uint64_t probe(
    const uint8_t *text, int64_t size, uint64_t slot,
    const uint8_t *utf8, const int64_t *offsets, const int32_t *slots, uint64_t mask,
) noexcept nogil:
    """Return the slot that holds this id, or the empty one where it would go, from its first on."""
    cdef int32_t row = slots[slot]
    while row != EMPTY:
        if (offsets[row + 1] - offsets[row] == size
                and same_bytes(utf8 + offsets[row], text, size)):
            break
        slot = (slot + 1) & mask
        row = slots[slot]
    return slot


def fill_slots(const uint8_t[::1] utf8, const int64_t[::1] offsets, int64_t count, int32_t[::1] slots):
    """Enter the first `count` ids, all different, into the table; whatever it held is gone."""
    cdef uint64_t mask = slots.shape[0] - 1
    cdef uint64_t slot
    cdef int64_t row
    with nogil:
        memset(&slots[0], 0xFF, slots.shape[0] * sizeof(int32_t))
        for row in range(count):
            slot = hash_id(&utf8[offsets[row]], offsets[row + 1] - offsets[row]) & mask
            while slots[slot] != EMPTY:
                slot = (slot + 1) & mask
            slots[slot] = <int32_t>row


def intern_ids(
    const uint8_t[::1] new_utf8,    # (bytes,)
    const int64_t[::1] new_offsets,  # (new + 1,)
    uint8_t[::1] utf8,              # room for all new bytes behind the known ones
    int64_t[::1] offsets,           # room for all new ids
    int64_t known,
    int32_t[::1] slots,             # at least twice the known and the new ids, a power of two
    int32_t[::1] codes,             # (new,) written: the code of each new id, in order of first sight
):
    """Enter the ids that are not known yet; return how many are known now."""
    cdef uint64_t mask = slots.shape[0] - 1
    cdef uint64_t slot
    cdef uint64_t first_slots[BLOCK]
    cdef int64_t i, first, last, size
    cdef const uint8_t *text
    with nogil:
        first = 0
        while first < codes.shape[0]:
            last = min(first + BLOCK, <int64_t>codes.shape[0])
            for i in range(first, last):
                size = new_offsets[i + 1] - new_offsets[i]
                slot = hash_id(&new_utf8[new_offsets[i]], size) & mask
                first_slots[i - first] = slot
                prefetch(&slots[slot])
            for i in range(first, last):
                if slots[first_slots[i - first]] != EMPTY:
                    prefetch(&offsets[slots[first_slots[i - first]]])
            for i in range(first, last):
                text = &new_utf8[new_offsets[i]]
                size = new_offsets[i + 1] - new_offsets[i]
                slot = probe(
                    text, size, first_slots[i - first], &utf8[0], &offsets[0], &slots[0], mask)
                if slots[slot] == EMPTY:
                    slots[slot] = <int32_t>known
                    memcpy(&utf8[offsets[known]], text, size)
                    offsets[known + 1] = offsets[known] + size
                    known += 1
                codes[i] = slots[slot]
            first = last
    return known


def copy_ids(
    const uint8_t[::1] utf8, const int64_t[::1] offsets, const int32_t[::1] rows,
    uint8_t[::1] copied_utf8, int64_t[::1] copied_offsets,
):
    """Write the ids of `rows`, in that order, into arrays of exactly their size."""
    cdef int64_t i, size
    with nogil:
        copied_offsets[0] = 0
        for i in range(rows.shape[0]):
            size = offsets[rows[i] + 1] - offsets[rows[i]]
            memcpy(&copied_utf8[copied_offsets[i]], &utf8[offsets[rows[i]]], size)
            copied_offsets[i + 1] = copied_offsets[i] + size


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
    int32_t[::1] order,         # (ids,) holds 0, 1, 2 ...; written: the ids in the order of their bytes
    uint64_t[::1] keys,         # (ids,) scratch
    uint64_t[::1] spare_keys,   # (ids,) scratch
    int32_t[::1] spare_order,   # (ids,) scratch
):
    """Sort the numbers in `order` by the UTF-8 bytes of the ids they stand for."""
    with nogil:
        sort_span(&utf8[0], &offsets[0], 0, order.shape[0],
                  &keys[0], &order[0], &spare_keys[0], &spare_order[0])


@cython.final
@cython.auto_pickle(False)
cdef class IdTable:
    """The arrays of one vocabulary, held open so that a look-up costs no buffer request."""

    cdef const uint8_t[::1] utf8
    cdef const int64_t[::1] offsets
    cdef const int32_t[::1] slots
    cdef uint64_t mask

    def __init__(
        self, const uint8_t[::1] utf8, const int64_t[::1] offsets, const int32_t[::1] slots
    ):
        self.utf8 = utf8
        self.offsets = offsets
        self.slots = slots
        self.mask = slots.shape[0] - 1

    cdef int32_t look_up(self, const uint8_t *text, int64_t size) noexcept nogil:
        return self.slots[probe(text, size, hash_id(text, size) & self.mask,
                                &self.utf8[0], &self.offsets[0], &self.slots[0], self.mask)]

    def row(self, str id not None):
        """Return the row of an id, or None where it is unknown."""
        cdef Py_ssize_t size
        cdef const char *text
        cdef int32_t row
        try:
            text = PyUnicode_AsUTF8AndSize(id, &size)
        except UnicodeEncodeError:  # a lone surrogate has no UTF-8, so nothing can be called so
            return None
        row = self.look_up(<const uint8_t *>text, size)
        return None if row == EMPTY else row

    def find(self, list ids not None, int32_t[::1] rows, int64_t[::1] positions, int64_t[::1] missing):
        """Write rows and positions of the known ids, positions of the others; return the known count."""
        cdef Py_ssize_t i
        cdef int64_t known = 0
        for i in range(len(ids)):
            row = self.row(ids[i])
            if row is None:
                missing[i - known] = i
            else:
                rows[known] = row
                positions[known] = i
                known += 1
        return known

    def find_utf8(
        self, const uint8_t[::1] utf8, const int64_t[::1] offsets,
        int32_t[::1] rows, int64_t[::1] positions, int64_t[::1] missing,
    ):
        """Do what `find` does, for ids given as bytes."""
        cdef int64_t i
        cdef int64_t known = 0
        cdef int32_t row
        with nogil:
            for i in range(offsets.shape[0] - 1):
                row = self.look_up(&utf8[offsets[i]], offsets[i + 1] - offsets[i])
                if row == EMPTY:
                    missing[i - known] = i
                else:
                    rows[known] = row
                    positions[known] = i
                    known += 1
        return known

    def ids(self, const int32_t[::1] rows):
        """Return the ids of rows. Raises IndexError for a row that does not exist."""
        cdef Py_ssize_t i
        cdef int32_t row
        cdef list found = []
        for i in range(rows.shape[0]):
            row = rows[i]
            if row < 0 or row >= self.offsets.shape[0] - 1:
                raise IndexError(f"row {row} of a vocabulary of {self.offsets.shape[0] - 1}")
            found.append(PyUnicode_DecodeUTF8(
                <const char *>&self.utf8[self.offsets[row]],
                self.offsets[row + 1] - self.offsets[row], NULL))
        return found
