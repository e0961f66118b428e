"""Measures vectors while they are trained: one metric on events held out of the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shortlist.core.data.bitmaps import pack_bitmap
from shortlist.core.data.interactions import select_rows
from shortlist.core.metrics.metrics import evaluate_ranking
from shortlist.core.metrics.value_errors import VALUE_ERRORS, value_errors
from shortlist.core.scan.scoring import ItemScan
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.evaluation.measure import group_of

if TYPE_CHECKING:
    from shortlist.core.data.interactions import FloatArray, Interactions

USERS_MAX = 20_000  # measured; the same ones every time. More would take longer than they tell
SEED = 20263


class Validation:
    """Users with something to find, what they had, and the metric."""

    def __init__(
        self,
        seen: Interactions,
        held_out: Interactions,
        metric: str,
        cutoff: int,
        threads: int,
        *,
        all_placed: bool = False,  # items that nobody has can be found too
    ) -> None:
        """Raise DataSourceInvalid where nobody has anything to find."""
        placed = (np.bincount(seen.columns, minlength=seen.column_count) > 0) | all_placed
        group = group_of("known", seen, held_out, placed)
        compared = group.held_out if metric in VALUE_ERRORS else group.relevant
        users = np.flatnonzero(np.diff(compared.row_starts) > 0).astype(np.int32)
        if not len(users):
            raise DataSourceInvalid("no event can be held out to measure on; there are too few")
        if len(users) > USERS_MAX:
            drawn = np.random.default_rng(SEED).choice(users, USERS_MAX, replace=False)
            users = np.sort(drawn)
        self._users = users
        self._compared = select_rows(compared, users)
        self._had = select_rows(seen, users)
        self._eligible = None if placed.all() else pack_bitmap(placed)
        self._metric, self._cutoff, self._threads = metric, cutoff, threads

    def quality(self, user_vectors: FloatArray, item_vectors: FloatArray) -> float:
        """Return the metric's mean over the users, or a value error over the held-out pairs."""
        queries = np.ascontiguousarray(user_vectors[self._users])
        if self._metric in VALUE_ERRORS:
            errors = value_errors(self._compared, queries, item_vectors)
            return float(getattr(errors, self._metric))
        top = ItemScan(item_vectors).top(
            queries,
            min(self._cutoff, len(item_vectors)),
            eligible=self._eligible,
            excluded=self._had,
            threads=self._threads,
        )
        metrics = evaluate_ranking(top, self._compared, (self._cutoff,))
        return metrics.mean(self._metric, self._cutoff)
