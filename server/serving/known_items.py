"""Which outside item ids of a request the model knows."""

from collections.abc import Mapping, Sequence

import numpy as np

from shortlist.core.data.interactions import FloatArray, IntArray
from shortlist.core.data.vocabulary import Vocabulary


def known_rows(items: Vocabulary, ids: Sequence[str]) -> tuple[IntArray, list[str]]:
    """Return the rows of the known ids, ascending and none twice, and the unknown ids."""
    matches = items.find(ids)
    return np.unique(matches.rows), [ids[i] for i in matches.missing.tolist()]


def last_values(
    items: Vocabulary, ids: Sequence[str], values: Sequence[float]
) -> tuple[dict[int, float], list[str]]:
    """Return the last value given for each known row, and the unknown ids."""
    matches = items.find(ids)
    known = zip(matches.rows.tolist(), matches.positions.tolist(), strict=True)
    return {row: values[i] for row, i in known}, [ids[i] for i in matches.missing.tolist()]


def ascending(values: Mapping[int, float]) -> tuple[IntArray, FloatArray]:
    """Return the rows, ascending, and their values."""
    rows = np.array(sorted(values), dtype=np.int32)
    return rows, np.array([values[row] for row in rows.tolist()], dtype=np.float32)
