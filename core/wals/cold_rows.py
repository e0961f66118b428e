"""WALS over users and items of which some have no event: features place those."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from shortlist.core.data.interactions import FloatArray, IntArray, Interactions, select_rows
from shortlist.core.errors import DataInvalid
from shortlist.core.linear.sparse import multiply
from shortlist.core.progress import Epoch, TrainerState
from shortlist.core.wals.params import WalsParams, with_data_defaults
from shortlist.core.wals.wals import Snapshot, WalsFactors, train_wals


def train_with_features(
    interactions: Interactions,
    params: WalsParams,
    *,
    item_features: Interactions | None = None,
    user_features: Interactions | None = None,
    draw_users: bool = False,
    threads: int = 0,
    on_epoch: Callable[[Epoch, Snapshot], None] | None = None,
    freshness: FloatArray | None = None,
    initial: WalsFactors | None = None,
    resumed: TrainerState | None = None,
) -> tuple[WalsParams, WalsFactors]:
    """Return (params with what was left to the data, factors) of users x items.

    item_features (items x features), user_features (users x features); the others as train_wals
    has them. An item that has features and no event says nothing: its pairs are no observation of
    0, and no other vector changes by its being there; its own is W'x. So does a user.
    """
    _check_row_count("users", user_features, interactions.row_count)
    _check_row_count("items", item_features, interactions.column_count)
    users = np.arange(interactions.row_count, dtype=np.int32)
    items = np.arange(interactions.column_count, dtype=np.int32)
    observed = interactions
    if user_features is not None:
        users, observed = without_empty_rows(observed)
        initial = initial and replace(initial, users=initial.users[users])
    if item_features is not None:
        items, observed = without_empty_columns(observed)
        initial = initial and replace(initial, items=initial.items[items])
    params = with_data_defaults(params, observed)

    def placed(factors: WalsFactors) -> WalsFactors:
        return replace(
            factors,
            users=_placed(
                factors.users, users, user_features, factors.user_feature_weights, threads
            ),
            items=_placed(
                factors.items, items, item_features, factors.item_feature_weights, threads
            ),
        )

    def tell(epoch: Epoch, snapshot: Snapshot) -> None:
        if on_epoch:
            on_epoch(epoch, lambda: placed(snapshot()))

    trained = train_wals(
        observed,
        params,
        threads=threads,
        on_epoch=tell,
        freshness=freshness,
        item_features=item_features and select_rows(item_features, items),
        user_features=user_features and select_rows(user_features, users),
        draw_users=draw_users,
        initial=initial,
        resumed=resumed,
    )
    return params, placed(trained)


def _check_row_count(side: str, features: Interactions | None, count: int) -> None:
    if features is not None and features.row_count != count:
        raise DataInvalid(f"{features.row_count} rows of features for {count} {side}")


def _placed(
    trained: FloatArray,
    rows: IntArray,
    features: Interactions | None,
    weights: FloatArray | None,
    threads: int,
) -> FloatArray:
    """Return the vectors of every row: trained ones of `rows`, W'x of the others."""
    if features is None or weights is None:
        return trained
    vectors = multiply(features, weights, threads=threads)
    vectors[rows] = trained
    return vectors


def without_empty_rows(interactions: Interactions) -> tuple[IntArray, Interactions]:
    """Return (rows left, ascending; the interactions of those)."""
    starts = interactions.row_starts
    left = np.flatnonzero(np.diff(starts)).astype(np.int32)
    kept = np.append(starts[left], starts[-1])
    columns, values = interactions.columns, interactions.values
    return left, Interactions(kept, columns, values, interactions.column_count)


def without_empty_columns(interactions: Interactions) -> tuple[IntArray, Interactions]:
    """Return (columns left, ascending; the interactions over them, renumbered)."""
    present = np.zeros(interactions.column_count, np.bool_)
    present[interactions.columns] = True
    places = np.cumsum(present, dtype=np.int32) - np.int32(1)
    left = np.flatnonzero(present).astype(np.int32)
    rows, values = interactions.row_starts, interactions.values
    return left, Interactions(rows, places[interactions.columns], values, len(left))
