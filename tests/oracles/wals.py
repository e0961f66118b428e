"""WALS in dense float64: the objective term by term, and each row's system solved by numpy."""

import numpy as np

from shortlist.core.data.interactions import Interactions
from shortlist.core.wals.params import WalsParams


def dense_problem(rows: Interactions, params: WalsParams) -> tuple[np.ndarray, np.ndarray]:
    """Return (weights, targets), both (users, items): every pair, observed or not."""
    shape = rows.row_count, rows.column_count
    values, observed = np.zeros(shape), np.zeros(shape, bool)
    for row in range(shape[0]):
        columns, found = rows.row(row)
        values[row, columns], observed[row, columns] = found, True
    size = np.abs(values)
    transform = {
        "none": np.ones(shape),
        "linear": 1 + params.value_alpha * size,
        "log": 1 + params.value_alpha * np.log(1 + size / params.value_epsilon),
    }[params.value_transform]
    user_count = np.maximum(observed.sum(axis=1, keepdims=True), 1)
    item_count = np.maximum(observed.sum(axis=0, keepdims=True), 1)
    damping = (
        user_count**-params.user_frequency_exponent * item_count**-params.item_frequency_exponent
    )
    weights = np.where(observed, transform * damping, params.unobserved_weight)
    targets = np.where(observed & (values >= 0), 1.0, 0.0)
    return np.asarray(weights), np.asarray(targets)


def loss(rows: Interactions, users: np.ndarray, items: np.ndarray, params: WalsParams) -> float:
    weights, targets = dense_problem(rows, params)
    users, items = users.astype(np.float64), items.astype(np.float64)
    errors = weights * (targets - users @ items.T) ** 2
    nu = params.regularization_exponent
    user_lambda = params.regularization * weights.sum(axis=1) ** nu
    item_lambda = params.regularization * weights.sum(axis=0) ** nu
    penalty = user_lambda @ (users**2).sum(axis=1) + item_lambda @ (items**2).sum(axis=1)
    return float(errors.sum() + penalty)


def solve_users(rows: Interactions, items: np.ndarray, params: WalsParams) -> np.ndarray:
    """Return every user's exact minimum while the items are held still."""
    weights, targets = dense_problem(rows, params)
    items = items.astype(np.float64)
    solved = []
    for weight, target in zip(weights, targets, strict=True):
        penalty = params.regularization * weight.sum() ** params.regularization_exponent
        system = (items * weight[:, None]).T @ items + penalty * np.eye(items.shape[1])
        solved.append(np.linalg.solve(system, (items * weight[:, None]).T @ target))
    return np.array(solved)


def solve_parts(rows: Interactions, items: np.ndarray, params: WalsParams, row: int) -> np.ndarray:
    """Return what each observed pair of a user adds to their minimum: it is linear in the targets.

    (entries, dim): entry j is the minimum where every target but the j-th is 0.
    """
    weights, targets = dense_problem(rows, params)
    weight, target, items = weights[row], targets[row], items.astype(np.float64)
    penalty = params.regularization * weight.sum() ** params.regularization_exponent
    system = (items * weight[:, None]).T @ items + penalty * np.eye(items.shape[1])
    columns = rows.row(row)[0]
    return np.array([np.linalg.solve(system, items[j] * weight[j] * target[j]) for j in columns])
