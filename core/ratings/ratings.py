"""Matrix factorization of explicit ratings: prediction = mean + b_user + b_item + <u, v>.

Minimises, over the observed ratings only,

    1/2 sum_ij (mean_j + b_i + c_j + <u_i, v_j> - y_ij)^2
      + 1/2 sum_i lambda_i |u_i|^2 + 1/2 sum_j lambda_j |v_j|^2 + 1/2 bias_regularization (sum_i
      b_i^2 + sum_j c_j^2),   lambda of a row = regularization * n^nu

with n the row's number of ratings. The mean is one number, or one an item ("mean normalization",
after which a user without ratings is predicted the item's mean). Sources: Koren, Bell, Volinsky,
"Matrix Factorization Techniques for Recommender Systems" (2009); Zhou et al. (2008) for nu = 1.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import Interactions, transposed
from shortlist.core.progress import Epoch, run_epochs
from shortlist.core.ratings.params import RatingParams
from shortlist.core.ratings.rating_rows import Doubles, rating_errors, solve_rows, weighted_sums

# Adam's usual constants (Kingma and Ba 2015).
_ADAM_DECAY = 0.9
_ADAM_SQUARE_DECAY = 0.999
_ADAM_EPSILON = 1e-7


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
    threads: int = 1,
    on_epoch: Callable[[Epoch, RatingFactors], None] | None = None,
) -> RatingFactors:
    """Train on (users x items) ratings; ALS gives whoever has none bias 0 and vector 0.

    The same bits at any number of threads (0: every core).
    Raises TrainingDiverged when the cost is not finite.
    """
    problem = _Problem(ratings, params, threads)
    step = problem.als_epoch if params.solver == "als" else problem.adam_epoch
    factors = problem.start()

    def run(_epoch: int) -> float:
        nonlocal factors
        factors = step(factors)
        cost = rating_cost(ratings, factors, params, threads)
        factors = replace(factors, losses=(*factors.losses, cost))
        return cost

    for ended in run_epochs(run, params.epochs, remedy="a smaller learning_rate"):
        if on_epoch:
            on_epoch(ended, factors)
    return factors


def rating_cost(
    ratings: Interactions, factors: RatingFactors, params: RatingParams, threads: int = 1
) -> float:
    """Return the cost that training minimises (module docstring)."""
    errors = _errors(ratings, factors, threads)
    item_counts = np.bincount(ratings.columns, minlength=ratings.column_count)
    squares = np.square(errors).sum()
    for counts, vectors in (
        (np.diff(ratings.row_starts), factors.users),
        (item_counts, factors.items),
    ):
        squares += (ridges_of(counts, params) * np.square(vectors).sum(axis=1)).sum()
    biases = np.square(factors.user_bias).sum() + np.square(factors.item_bias).sum()
    return float(squares + params.bias_regularization * biases) / 2


def ridges_of(counts: npt.NDArray[np.integer], params: RatingParams) -> Doubles:
    """Return lambda of rows with so many ratings, (rows,)."""
    ridges: Doubles = params.regularization * counts.astype(np.float64) ** (
        params.regularization_exponent
    )
    return ridges


def _errors(ratings: Interactions, factors: RatingFactors, threads: int) -> Doubles:
    users = factors.users, factors.user_bias
    return rating_errors(ratings, *users, factors.items, factors.means + factors.item_bias, threads)


class _Problem:
    """The data of one training in both orientations, and one epoch of each solver."""

    def __init__(self, ratings: Interactions, params: RatingParams, threads: int) -> None:
        self._threads = threads
        self._params = params
        self._by_user = ratings
        self._by_item = transposed(ratings, threads)
        self._means = _means(ratings, params.mean)
        self._item_order = np.argsort(ratings.columns, kind="stable")  # entries, item by item
        self._moments: list[tuple[Doubles, Doubles]] = []
        self._adam_steps = 0

    def start(self) -> RatingFactors:
        generator = np.random.default_rng(self._params.seed)
        stddev = self._params.init_stddev
        dim = self._params.dim
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
        offsets = factors.means + factors.item_bias
        users, user_bias = self._solved(self._by_user, factors.items, offsets, biased=True)
        residual = _less(self._by_item, factors.means)
        biased = self._params.item_bias
        items, item_bias = self._solved(residual, users, user_bias, biased=biased)
        return RatingFactors(factors.means, user_bias, item_bias, users, items, factors.losses)

    def _solved(
        self, ratings: Interactions, fixed: Doubles, offsets: Doubles, *, biased: bool
    ) -> tuple[Doubles, Doubles]:
        ridges = ridges_of(np.diff(ratings.row_starts), self._params)
        bias_ridge = self._params.bias_regularization if biased else None
        return solve_rows(
            ratings, fixed, offsets, ridges, bias_ridge=bias_ridge, threads=self._threads
        )

    def adam_epoch(self, factors: RatingFactors) -> RatingFactors:
        """Take one full-batch step of Adam on the cost's exact gradient."""
        params = self._params
        threads = self._threads
        errors = _errors(self._by_user, factors, threads)
        gradients = []
        for ratings, of_entry, own, other, bias in (
            (self._by_item, errors[self._item_order], factors.items, factors.users,
             factors.item_bias),
            (self._by_user, errors, factors.users, factors.items, factors.user_bias),
        ):  # fmt: skip
            counts = np.diff(ratings.row_starts)
            rows = np.repeat(np.arange(ratings.row_count), counts)
            ridges = ridges_of(counts, params)[:, None]
            gradients += [
                weighted_sums(ratings, of_entry, other, threads) + ridges * own,
                np.bincount(rows, of_entry, ratings.row_count) + params.bias_regularization * bias,
            ]
        items, item_bias, users, user_bias = self._adam_moves(gradients)
        if not params.item_bias:
            item_bias = np.zeros_like(item_bias)
        return RatingFactors(
            factors.means, factors.user_bias + user_bias, factors.item_bias + item_bias,
            factors.users + users, factors.items + items, factors.losses,
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
