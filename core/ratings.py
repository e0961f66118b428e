"""Matrix factorization of explicit ratings: prediction = mean + b_user + b_item + <u, v>.

Minimises, over the observed ratings only,

    1/2 sum_ij (mean_j + b_i + c_j + <u_i, v_j> - y_ij)^2
      + 1/2 sum_i lambda_i |u_i|^2 + 1/2 sum_j lambda_j |v_j|^2 + 1/2 bias_regularization (sum_i
      b_i^2 + sum_j c_j^2),   lambda of a row = regularization * n^nu

with n the row's number of ratings. The mean is one number, or one an item ("mean normalization",
after which a user without ratings is predicted the item's mean). Sources: Koren, Bell, Volinsky,
"Matrix Factorization Techniques for Recommender Systems" (2009); Zhou et al. (2008) for nu = 1.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.errors import SettingInvalid, TrainingDiverged
from shortlist.core.interactions import Interactions, LongArray, transposed
from shortlist.core.progress import Epoch

Doubles: TypeAlias = npt.NDArray[np.float64]

# Adam's usual constants (Kingma and Ba 2015).
_ADAM_DECAY = 0.9
_ADAM_SQUARE_DECAY = 0.999
_ADAM_EPSILON = 1e-7


@dataclass(frozen=True, slots=True)
class RatingParams:
    """Settings of one training; SettingInvalid names what is out of range."""

    dim: int = 50
    epochs: int = 12
    solver: Literal["als", "adam"] = "als"
    mean: Literal["global", "item"] = "global"
    item_bias: bool = True
    regularization: float = 1.2
    regularization_exponent: float = 0.5  # nu
    bias_regularization: float = 3.0
    init_stddev: float = 0.1
    learning_rate: float = 0.1  # of Adam
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every range."""
        for field, low, high in (
            ("dim", 1, 4094),
            ("epochs", 1, 100_000),
            ("regularization", 0, 1e9),
            ("regularization_exponent", 0, 2),
            ("bias_regularization", 0, 1e9),
            ("init_stddev", 0, 100),
            ("learning_rate", 0, 100),
            ("seed", 0, 2**64 - 1),
        ):
            found = getattr(self, field)
            if not low <= found <= high:
                raise SettingInvalid(field, found, f"{low} to {high}")
        if self.solver not in {"als", "adam"}:
            raise SettingInvalid("solver", self.solver, "als or adam")
        if self.mean not in {"global", "item"}:
            raise SettingInvalid("mean", self.mean, "global or item")


@dataclass(frozen=True, slots=True)
class RatingFactors:
    """What training found; all float64."""

    means: Doubles  # (items,) what is predicted before anything is known of the user
    user_bias: Doubles  # (users,)
    item_bias: Doubles  # (items,)
    users: Doubles  # (users, dim)
    items: Doubles  # (items, dim)
    losses: tuple[float, ...]  # cost after each epoch

    def predict(
        self, user_rows: npt.NDArray[np.int32], item_rows: npt.NDArray[np.int32]
    ) -> Doubles:
        """Return the predicted rating of each (user, item) pair, (n,)."""
        dots = np.einsum("nd,nd->n", self.users[user_rows], self.items[item_rows])
        predicted: Doubles = (
            self.means[item_rows] + self.user_bias[user_rows] + self.item_bias[item_rows] + dots
        )
        return predicted


def train_ratings(
    ratings: Interactions,
    params: RatingParams,
    *,
    on_epoch: Callable[[Epoch, RatingFactors], None] | None = None,
) -> RatingFactors:
    """Train on (users x items) ratings; ALS gives whoever has none bias 0 and vector 0.

    Raises TrainingDiverged when the cost is not finite.
    """
    problem = _Problem(ratings, params)
    step = problem.als_epoch if params.solver == "als" else problem.adam_epoch
    factors = problem.start()
    for epoch in range(1, params.epochs + 1):
        started = time.perf_counter()
        factors = step(factors)
        cost = rating_cost(ratings, factors, params)
        if not np.isfinite(cost):
            raise TrainingDiverged(
                f"the cost is {cost} after epoch {epoch}; a smaller learning_rate helps"
            )
        factors = _with_loss(factors, cost)
        if on_epoch:
            on_epoch(Epoch(epoch, params.epochs, cost, time.perf_counter() - started), factors)
    return factors


def rating_cost(ratings: Interactions, factors: RatingFactors, params: RatingParams) -> float:
    """Return the cost that training minimises (module docstring)."""
    users = np.repeat(np.arange(ratings.row_count, dtype=np.int32), np.diff(ratings.row_starts))
    errors = factors.predict(users, ratings.columns) - ratings.values
    user_lambda = (
        params.regularization * np.diff(ratings.row_starts) ** params.regularization_exponent
    )
    item_counts = np.bincount(ratings.columns, minlength=ratings.column_count)
    item_lambda = params.regularization * item_counts**params.regularization_exponent
    squares = float(errors @ errors)
    squares += float(user_lambda @ np.square(factors.users).sum(axis=1))
    squares += float(item_lambda @ np.square(factors.items).sum(axis=1))
    biases = float(factors.user_bias @ factors.user_bias + factors.item_bias @ factors.item_bias)
    return (squares + params.bias_regularization * biases) / 2


class _Problem:
    """The data of one training in both orientations, and one epoch of each solver."""

    def __init__(self, ratings: Interactions, params: RatingParams) -> None:
        self._by_user, self._by_item, self._params = ratings, transposed(ratings), params
        self._means = _means(ratings, params.mean)
        self._item_order = np.argsort(ratings.columns, kind="stable")  # entries, item by item
        self._moments: list[tuple[Doubles, Doubles]] = []
        self._adam_steps = 0

    def start(self) -> RatingFactors:
        generator = np.random.default_rng(self._params.seed)
        stddev, dim = self._params.init_stddev, self._params.dim
        users, items = self._by_user.row_count, self._by_item.row_count
        return RatingFactors(
            self._means,
            np.zeros(users),
            np.zeros(items),
            generator.normal(0.0, stddev, (users, dim)),
            generator.normal(0.0, stddev, (items, dim)),
            (),
        )

    def als_epoch(self, factors: RatingFactors) -> RatingFactors:
        """Solve every user exactly, then every item; the cost never rises."""
        params = self._params
        offsets = factors.means + factors.item_bias
        users, user_bias = solve_rows(self._by_user, factors.items, offsets, params, bias=True)
        residual = _less(self._by_item, factors.means)
        items, item_bias = solve_rows(residual, users, user_bias, params, bias=params.item_bias)
        return RatingFactors(factors.means, user_bias, item_bias, users, items, factors.losses)

    def adam_epoch(self, factors: RatingFactors) -> RatingFactors:
        """Take one full-batch step of Adam on the cost's exact gradient."""
        params, ratings = self._params, self._by_user
        user_counts = np.diff(ratings.row_starts)
        users = np.repeat(np.arange(ratings.row_count, dtype=np.int32), user_counts)
        errors = factors.predict(users, ratings.columns) - ratings.values
        item_counts = np.diff(self._by_item.row_starts)
        nu = params.regularization_exponent
        by_item = self._item_order
        gradients = [
            _sums(self._by_item.row_starts, errors[by_item, None] * factors.users[users[by_item]])
            + (params.regularization * item_counts**nu)[:, None] * factors.items,
            _sums(ratings.row_starts, errors[:, None] * factors.items[ratings.columns])
            + (params.regularization * user_counts**nu)[:, None] * factors.users,
            np.bincount(users, errors, len(factors.users))
            + params.bias_regularization * factors.user_bias,
            np.bincount(ratings.columns, errors, len(factors.items))
            + params.bias_regularization * factors.item_bias,
        ]
        moves = self._adam_moves(gradients)
        item_bias = factors.item_bias + moves[3] if params.item_bias else factors.item_bias
        return RatingFactors(
            factors.means, factors.user_bias + moves[2], item_bias,
            factors.users + moves[1], factors.items + moves[0], factors.losses,
        )  # fmt: skip

    def _adam_moves(self, gradients: list[Doubles]) -> list[Doubles]:
        if not self._moments:
            self._moments = [(np.zeros_like(g), np.zeros_like(g)) for g in gradients]
        self._adam_steps += 1
        correction = 1 - _ADAM_DECAY**self._adam_steps
        square_correction = 1 - _ADAM_SQUARE_DECAY**self._adam_steps
        moves = []
        for gradient, (first, second) in zip(gradients, self._moments, strict=True):
            first += (1 - _ADAM_DECAY) * (gradient - first)
            second += (1 - _ADAM_SQUARE_DECAY) * (gradient * gradient - second)
            scale = np.sqrt(second / square_correction) + _ADAM_EPSILON
            moves.append(-self._params.learning_rate * (first / correction) / scale)
        return moves


def solve_rows(
    ratings: Interactions, fixed: Doubles, offsets: Doubles, params: RatingParams, *, bias: bool
) -> tuple[Doubles, Doubles]:
    """Solve every row's ridge regression while the other side is held still; also folds rows in.

    ratings (rows, columns), fixed (columns, dim), offsets (columns,): what is predicted without the
    row's own terms -> vectors (rows, dim), biases (rows,). Rows without ratings get zeros.
    """
    dim = fixed.shape[1]
    vectors, biases = np.zeros((ratings.row_count, dim)), np.zeros(ratings.row_count)
    for row in range(ratings.row_count):
        columns, values = ratings.row(row)
        if not len(columns):
            continue
        # The bias is one more unknown, whose feature is 1 everywhere.
        features = np.hstack([fixed[columns], np.ones((len(columns), 1))])[:, : dim + bias]
        system = features.T @ features
        ridge = np.full(
            dim + bias, params.regularization * len(columns) ** params.regularization_exponent
        )
        if bias:
            ridge[dim] = params.bias_regularization
        system[np.diag_indices(dim + bias)] += ridge
        target = features.T @ (values - offsets[columns])
        solve = np.linalg.solve if ridge.all() else _smallest_solution
        solved = solve(system, target)
        vectors[row] = solved[:dim]
        biases[row] = solved[dim] if bias else 0.0
    return vectors, biases


def _smallest_solution(system: Doubles, target: Doubles) -> Doubles:
    """Solve a system that may be singular."""
    solved: Doubles = np.linalg.lstsq(system, target)[0].astype(np.float64)
    return solved


def _means(ratings: Interactions, kind: str) -> Doubles:
    overall = float(ratings.values.mean(dtype=np.float64)) if ratings.entry_count else 0.0
    means = np.full(ratings.column_count, overall)
    if kind == "item":
        counts = np.bincount(ratings.columns, minlength=ratings.column_count)
        sums = np.bincount(ratings.columns, ratings.values, ratings.column_count)
        np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _less(ratings: Interactions, row_offsets: Doubles) -> Interactions:
    """Return the ratings with each row's offset taken away."""
    offsets = np.repeat(row_offsets, np.diff(ratings.row_starts))
    values = (ratings.values - offsets).astype(np.float32)
    return Interactions(ratings.row_starts, ratings.columns, values, ratings.column_count)


def _sums(row_starts: LongArray, values: Doubles) -> Doubles:
    """Return the sum of each row's values, (entries, dim) -> (rows, dim)."""
    sums = np.zeros((len(row_starts) - 1, values.shape[1]))
    filled = np.flatnonzero(np.diff(row_starts))
    if len(filled):
        sums[filled] = np.add.reduceat(values, row_starts[filled], axis=0)
    return sums


def _with_loss(factors: RatingFactors, cost: float) -> RatingFactors:
    return RatingFactors(
        factors.means,
        factors.user_bias,
        factors.item_bias,
        factors.users,
        factors.items,
        (*factors.losses, cost),
    )
