"""Hash table of outside ids (see core/data/vocabulary.py, the only importer).

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
    void prefetch "__builtin_prefetch"(const void *address) noexcept nogil

cdef enum:
    EMPTY = -1
    BLOCK = 32  # ids hashed ahead, so that their slots are on the way when they are probed


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


cdef inline bint same_bytes(const uint8_t *text, const uint8_t *other, int64_t size) noexcept nogil:
    cdef int64_t at
    if size < 8:
        return short_word(text, size) == short_word(other, size)
    for at in range(0, size - 7, 8):
        if word_at(text + at) != word_at(other + at):
            return False
    return word_at(text + size - 8) == word_at(other + size - 8)


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


def fill_slots(
    const uint8_t[::1] utf8, const int64_t[::1] offsets, int64_t count, int32_t[::1] slots
):
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
    int32_t[::1] codes,             # (new,) written: the code of each new id, by first sight
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

    def find(
        self, list ids not None, int32_t[::1] rows, int64_t[::1] positions, int64_t[::1] missing
    ):
        """Write rows and positions of the known ids, positions of the others; return how many."""
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
        cdef list ids = []
        for i in range(rows.shape[0]):
            row = rows[i]
            if row < 0 or row >= self.offsets.shape[0] - 1:
                raise IndexError(f"row {row} of a vocabulary of {self.offsets.shape[0] - 1}")
            ids.append(PyUnicode_DecodeUTF8(
                <const char *>&self.utf8[self.offsets[row]],
                self.offsets[row + 1] - self.offsets[row], NULL))
        return ids
