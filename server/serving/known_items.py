"""Which outside item ids of a request the model knows."""

from collections.abc import Sequence

import numpy as np

from shortlist.core.data.interactions import IntArray
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
