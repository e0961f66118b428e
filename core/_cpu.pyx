"""What the processor can run (see core/cpu.py)."""

cdef extern from "simd/levels.h" nogil:
    int levels_best()


def best_level():
    """Return the highest SIMD level of this processor, 0..3."""
    return levels_best()
