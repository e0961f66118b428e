"""Which SIMD level the kernels run at: chosen here, passed to them as a number."""

import os
from typing import Final

from shortlist.core._cpu import best_level
from shortlist.core.errors import SettingInvalid

SIMD_LEVELS: Final = ("baseline", "avx2", "avx512", "avx512vnni")
SIMD_VARIABLE: Final = "SHORTLIST_SIMD"


def simd_level() -> int:
    """Return the level to run at: the best the processor has, or what SHORTLIST_SIMD forces.

    Read at every call, so that a test can walk through the levels within one process.
    Raises SettingInvalid when the variable names no level, or one this processor lacks.
    """
    best = best_level()
    forced = os.environ.get(SIMD_VARIABLE)
    if not forced:
        return best
    if forced not in SIMD_LEVELS:
        raise SettingInvalid(SIMD_VARIABLE, forced, f"one of {', '.join(SIMD_LEVELS)}")
    level = SIMD_LEVELS.index(forced)
    if level > best:
        raise SettingInvalid(
            SIMD_VARIABLE, forced, f"at most {SIMD_LEVELS[best]} on this processor"
        )
    return level


def available_levels() -> tuple[str, ...]:
    """Return the names of the levels this processor runs, lowest first."""
    return SIMD_LEVELS[: best_level() + 1]
