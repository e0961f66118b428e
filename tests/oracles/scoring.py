"""Brute-force retrieval in float64: every score, a full sort, a plain mask."""

import numpy as np
import numpy.typing as npt


def best_rows(
    items: npt.NDArray[np.float32],
    query: npt.NDArray[np.float32],
    k: int,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return rows and scores of the k best allowed items, best first, equal scores by row."""
    scores = items.astype(np.float64) @ query.astype(np.float64)
    rows = np.arange(len(items)) if allowed is None else np.flatnonzero(allowed)
    order = np.lexsort((rows, -scores[rows]))[:k]
    return rows[order], scores[rows[order]]


def documented_sum(item: npt.NDArray[np.float32], query: npt.NDArray[np.float32]) -> np.float32:
    """Return the inner product in the order that core/simd/scan.h documents, fused roundings.

    float64 holds a float32 product exactly, so rounding after each addition is the fused result
    but for rare double roundings; tests use values short enough that there are none.
    """
    total = np.float32(0)
    for lane in range(8):
        partial = np.float32(0)
        for x, y in zip(item[lane::8], query[lane::8], strict=True):
            partial = np.float32(np.float64(x) * np.float64(y) + np.float64(partial))
        total = partial if lane == 0 else np.float32(total + partial)
    return total


def decode(
    codes: npt.NDArray[np.uint8], scales: npt.NDArray[np.float32], item_count: int, dim: int
) -> npt.NDArray[np.float64]:
    """Return the vectors that int8 codes stand for, one value at a time, as documented."""
    vectors = np.zeros((item_count, dim))
    for i in range(item_count):
        for d in range(dim):
            code = int(codes[i // 16, d // 4, 4 * (i % 16) + d % 4])
            vectors[i, d] = (code - 128) * np.float64(scales[i])
    return vectors
