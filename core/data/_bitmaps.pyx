"""Kernels of core/data/bitmaps.py."""

from libc.stdint cimport int32_t, int64_t, uint64_t

cdef extern from *:
    int ctz "__builtin_ctzll"(uint64_t) nogil


def set_positions(
    const uint64_t[::1] bitmap,  # (words,)
    int32_t[::1] positions,      # (set bits,) written here, ascending
):
    """Write the positions of the set bits."""
    cdef int64_t word, at = 0
    cdef uint64_t left
    with nogil:
        for word in range(bitmap.shape[0]):
            left = bitmap[word]
            while left:
                positions[at] = <int32_t>(64 * word + ctz(left))
                at += 1
                left &= left - 1
