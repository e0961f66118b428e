"""WALS over items of which some have no event: features place those."""

from typing import Any

import numpy as np

from shortlist.core.errors import DataInvalid
from shortlist.core.interactions import IntArray, Interactions, select_rows
from shortlist.core.sparse import multiply
from shortlist.core.wals import WalsFactors, train_wals
from shortlist.core.wals_params import WalsParams, with_data_defaults


def train_with_features(
    interactions: Interactions, features: Interactions, params: WalsParams, **how: Any
) -> tuple[WalsParams, WalsFactors]:
    """Return (params with what was left to the data, factors) of users x items.

    features (items x features). An item without any event says nothing: its pairs are no
    observation of 0, and no other vector changes by its being there; its own is W'x. `how` goes to
    train_wals.
    """
    if features.row_count != interactions.column_count:
        found = f"{features.row_count} rows of features"
        raise DataInvalid(f"{found} for {interactions.column_count} items")
    warm, observed = without_empty_columns(interactions)
    params = with_data_defaults(params, observed)
    trained = train_wals(observed, params, item_features=select_rows(features, warm), **how)
    weights = trained.feature_weights
    assert weights is not None
    items = multiply(features, weights, threads=how.get("threads", 0))
    items[warm] = trained.items
    return params, WalsFactors(trained.users, items, trained.losses, weights)


def without_empty_columns(interactions: Interactions) -> tuple[IntArray, Interactions]:
    """Return (columns left, ascending; the interactions over them, renumbered)."""
    present = np.zeros(interactions.column_count, np.bool_)
    present[interactions.columns] = True
    places = np.cumsum(present, dtype=np.int32) - np.int32(1)
    left = np.flatnonzero(present).astype(np.int32)
    rows, values = interactions.row_starts, interactions.values
    return left, Interactions(rows, places[interactions.columns], values, len(left))
