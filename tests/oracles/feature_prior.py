"""WALS with a feature prior in dense float64."""

import numpy as np

from shortlist.core.data.interactions import Interactions
from shortlist.core.wals.params import WalsParams
from tests.oracles.wals import dense_problem


def item_lambdas(rows: Interactions, params: WalsParams) -> np.ndarray:
    weights, _ = dense_problem(rows, params)
    lambdas = params.regularization * weights.sum(axis=0) ** params.regularization_exponent
    return np.where(np.isin(np.arange(rows.column_count), rows.columns), lambdas, 0)


def mu(rows: Interactions, params: WalsParams) -> float:
    lambdas = item_lambdas(rows, params)
    return params.feature_regularization * float(lambdas[lambdas > 0].mean())


def loss(
    rows: Interactions,
    users: np.ndarray,
    items: np.ndarray,
    features: np.ndarray,  # (items, features)
    weights: np.ndarray,  # (features, dim)
    params: WalsParams,
) -> float:
    w, targets = dense_problem(rows, params)
    users, items, weights = (part.astype(np.float64) for part in (users, items, weights))
    user_lambdas = params.regularization * w.sum(axis=1) ** params.regularization_exponent
    off = ((items - features @ weights) ** 2).sum(axis=1)
    total = (w * (targets - users @ items.T) ** 2).sum() + user_lambdas @ (users**2).sum(axis=1)
    total += item_lambdas(rows, params) @ off + mu(rows, params) * (weights**2).sum()
    return float(total)


def solve_items(
    rows: Interactions,
    users: np.ndarray,
    centers: np.ndarray,
    params: WalsParams,
    exposure: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Return every item's exact minimum given the users and where it is drawn to."""
    weights, targets = dense_problem(rows, params)
    for row in range(rows.row_count):
        observed = np.isin(np.arange(rows.column_count), rows.row(row)[0])
        weights[row] *= np.where(observed, 1, exposure)
    users = users.astype(np.float64)
    lambdas = item_lambdas(rows, params)
    solved = []
    for weight, target, penalty, center in zip(weights.T, targets.T, lambdas, centers, strict=True):
        system = (users * weight[:, None]).T @ users + penalty * np.eye(users.shape[1])
        right = (users * weight[:, None]).T @ target + penalty * center
        solved.append(np.linalg.solve(system, right))
    return np.array(solved)


def solve_weights(
    rows: Interactions, items: np.ndarray, features: np.ndarray, params: WalsParams
) -> np.ndarray:
    """Return the ridge regression of the items on their features."""
    weighted = features.T * item_lambdas(rows, params)
    system = weighted @ features + mu(rows, params) * np.eye(features.shape[1])
    return np.linalg.solve(system, weighted @ items.astype(np.float64))
