"""WALS over items of which some have no event: features place those."""

from collections.abc import Callable

import numpy as np

from shortlist.core.errors import DataInvalid
from shortlist.core.interactions import FloatArray, IntArray, Interactions, select_rows
from shortlist.core.progress import Epoch, TrainerState
from shortlist.core.sparse import multiply
from shortlist.core.wals import Snapshot, WalsFactors, train_wals
from shortlist.core.wals_params import WalsParams, with_data_defaults


def train_with_features(
    interactions: Interactions,
    features: Interactions,
    params: WalsParams,
    *,
    threads: int = 0,
    on_epoch: Callable[[Epoch, Snapshot], None] | None = None,
    freshness: FloatArray | None = None,
    initial: WalsFactors | None = None,
    resumed: TrainerState | None = None,
) -> tuple[WalsParams, WalsFactors]:
    """Return (params with what was left to the data, factors) of users x items.

    features (items x features); the others as train_wals has them. An item without any event says
    nothing: its pairs are no observation of 0, and no other vector changes by its being there; its
    own is W'x.
    """
    if features.row_count != interactions.column_count:
        found = f"{features.row_count} rows of features"
        raise DataInvalid(f"{found} for {interactions.column_count} items")
    warm, observed = without_empty_columns(interactions)
    params = with_data_defaults(params, observed)

    def placed(factors: WalsFactors) -> WalsFactors:
        weights = factors.feature_weights
        assert weights is not None
        items = multiply(features, weights, threads=threads)
        items[warm] = factors.items
        return WalsFactors(factors.users, items, factors.losses, weights)

    def tell(epoch: Epoch, snapshot: Snapshot) -> None:
        if on_epoch:
            on_epoch(epoch, lambda: placed(snapshot()))

    of_warm = select_rows(features, warm)
    trained = train_wals(
        observed,
        params,
        threads=threads,
        on_epoch=tell,
        freshness=freshness,
        item_features=of_warm,
        initial=initial and WalsFactors(initial.users, initial.items[warm]),
        resumed=resumed,
    )
    return params, placed(trained)


def without_empty_columns(interactions: Interactions) -> tuple[IntArray, Interactions]:
    """Return (columns left, ascending; the interactions over them, renumbered)."""
    present = np.zeros(interactions.column_count, np.bool_)
    present[interactions.columns] = True
    places = np.cumsum(present, dtype=np.int32) - np.int32(1)
    left = np.flatnonzero(present).astype(np.int32)
    rows, values = interactions.row_starts, interactions.values
    return left, Interactions(rows, places[interactions.columns], values, len(left))
