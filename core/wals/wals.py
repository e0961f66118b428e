"""Weighted alternating least squares: minimise, over the rows of one side and then of the other,

    sum_obs w_ij (a_ij - <u_i, v_j>)^2 + w0 sum_unobserved <u_i, v_j>^2
      + sum_i lambda_i |u_i|^2 + sum_j lambda_j |v_j|^2  (docs/algorithms/wals.md)

Every row of a half step solves (w0 V'V + lambda_i I + sum_obs (w_ij - w0) v v') u = sum_obs w_ij
a_ij v. Both sides are first rotated so that V'V is diagonal, which changes no product <u, v> and no
norm. Then the part that all rows share is diagonal, no d x d product is left in the inner loop, and
that diagonal is the preconditioner that lets two steps of conjugate gradient do the work of many.

Sources: Hu, Koren, Volinsky (ICDM 2008); Takacs, Pilaszy, Tikk (RecSys 2011) for conjugate
gradient; Rendle et al. (arXiv 2110.14037) for the scaling of the regularization.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.cpu import simd_level
from shortlist.core.data.interactions import FloatArray, Interactions, column_counts, transposed
from shortlist.core.errors import DataInvalid
from shortlist.core.linear.eigen import eigenpairs
from shortlist.core.linear.gramian import Doubles, padded, padded_zeros
from shortlist.core.parallel import resolve_threads
from shortlist.core.progress import Epoch, TrainerState, run_epochs
from shortlist.core.wals.feature_prior import FeaturePrior
from shortlist.core.wals.first_vectors import start_randomly, start_spectrally
from shortlist.core.wals.params import (
    FIRST_RELAXATION,
    WalsParams,
    row_lambdas,
    signed_weights,
    with_data_defaults,
)
from shortlist.core.wals.rotated_sides import RotatedSides, may_halve
from shortlist.core.wals.row_systems import Energy, RowSystems, row_chunks

_USERS, _ITEMS = _SIDES = 0, 1


@dataclass(frozen=True, slots=True)
class WalsFactors:
    """The two embedding tables: the score of a pair is the inner product of its rows."""

    users: FloatArray  # (users, dim)
    items: FloatArray  # (items, dim)
    losses: tuple[float, ...] = ()  # after each epoch
    item_feature_weights: FloatArray | None = None  # (features, dim) W, where items have features
    user_feature_weights: FloatArray | None = None  # the same of users
    user_center: FloatArray | None = None  # (dim,) where the users were drawn to at last


Snapshot: TypeAlias = Callable[[], WalsFactors]


def train_wals(
    interactions: Interactions,
    params: WalsParams,
    *,
    threads: int = 0,
    on_epoch: Callable[[Epoch, Snapshot], None] | None = None,
    initial: WalsFactors | None = None,
    freshness: FloatArray | None = None,
    item_features: Interactions | None = None,
    user_features: Interactions | None = None,
    draw_users: bool = False,
    resumed: TrainerState | None = None,
) -> WalsFactors:
    """Train on (users x items) interactions; the same seed gives the same bits at any thread count.

    on_epoch gets the epoch and a function that returns the factors so far; it may raise
    TrainingCancelled. `initial` is a warm start; its rows of zeros are new. `resumed` is what an
    epoch of this very training gave as its state: the rest of the epochs follow, and end in the
    same bits. freshness (entries,): a factor of each pair's weight, above 0. item_features (items x
    features), user_features (users x features): the rows of that side are drawn to a linear map of
    them instead of 0 (core/wals/feature_prior.py). draw_users: at the end the users are solved once
    more, drawn to their mean, which a user of few events is nearer to than to 0. Raises
    TrainingDiverged when the loss is not finite, SingularSystem when the exact solver meets a row
    without a unique solution.
    """
    threads = resolve_threads(threads)
    features = user_features, item_features
    alternation = _Alternation(interactions, params, initial, threads, freshness, features)
    losses: list[float] = []
    limit = np.inf
    if resumed is not None:
        losses, limit = alternation.resume(resumed)

    def run(epoch: int) -> float:
        # From random vectors and with new rows the first epoch has nothing yet to go beyond. The
        # last one ends at the users' minimum, so that their rows are what folding in gives.
        first_is_steady = initial or params.init_stddev is not None
        most = 1.0 if epoch == 1 and first_is_steady else min(limit, params.relaxation(epoch))
        if epoch < params.epochs:
            return alternation.epoch(most, most, is_last=False)
        return alternation.epoch(min(most, params.relaxation(1)), 1.0, is_last=True)

    for ended in run_epochs(run, params.epochs, remedy="a larger regularization", done=len(losses)):
        # Over-relaxation goes on for as long as it pays.
        limit = 1.0 if losses and ended.loss > losses[-1] else limit
        losses.append(ended.loss)
        if on_epoch:
            state = partial(alternation.state, losses, limit)
            on_epoch(replace(ended, state=state), lambda: alternation.factors(losses, draw_users))
    return alternation.factors(losses, draw_users, last=True)


def wals_loss(
    interactions: Interactions,
    factors: WalsFactors,
    params: WalsParams,
    *,
    threads: int = 0,
    item_features: Interactions | None = None,
    user_features: Interactions | None = None,
) -> float:
    """Return the objective's value."""
    features = user_features, item_features
    threads = resolve_threads(threads)
    return _Alternation(interactions, params, factors, threads, features=features).loss()


class _Alternation:
    """The state of one training: both sides, both orientations of the weights."""

    def __init__(
        self,
        interactions: Interactions,
        params: WalsParams,
        initial: WalsFactors | None,
        threads: int,
        freshness: FloatArray | None = None,
        features: tuple[Interactions | None, Interactions | None] = (None, None),
    ) -> None:
        params = with_data_defaults(params, interactions)
        counts = np.diff(interactions.row_starts), column_counts(interactions)
        weights = signed_weights(interactions, *counts, params)
        if np.array_equal(weights, interactions.values):
            weights = interactions.values  # no need of both
        if freshness is not None:
            weights = weights * freshness
        self._by_user = replace(interactions, values=weights)
        self._by_item = transposed(self._by_user, threads)
        self._lambdas = row_lambdas(self._by_user, params), row_lambdas(self._by_item, params)
        self._cuts = row_chunks(self._by_user.row_starts), row_chunks(self._by_item.row_starts)
        self._params = params
        self._threads = threads
        self._level = simd_level()
        self._steps = 0 if params.solver == "cholesky" else params.cg_steps
        self._sides = RotatedSides(*_start(interactions, params, initial), threads, self._level)
        self.users, self.items = self._sides.tables
        self._started = initial is not None or params.init_stddev is not None
        # New users are folded in first: items solved without them would move away from them.
        self._users_known = initial is not None and bool(self.users.any(axis=1).all())
        self._priors = tuple(self._prior(side, features[side], initial) for side in _SIDES)

    def _prior(
        self, side: int, features: Interactions | None, initial: WalsFactors | None
    ) -> FeaturePrior | None:
        """Return what draws the rows of a side; those without events say nothing to it."""
        if features is None:
            return None
        rows, factors = (self._by_user, self._by_item)[side], self._sides.tables[side]
        heard = np.where(np.diff(rows.row_starts) > 0, self._lambdas[side], 0)
        prior = FeaturePrior(
            features, heard, self._params.feature_regularization, factors.shape[1], self._threads
        )
        if initial:
            weights = (initial.user_feature_weights, initial.item_feature_weights)[side]
            prior.start(factors, weights)
        return prior

    def epoch(self, of_items: float, of_users: float, is_last: bool) -> float:
        """Solve the items, then the users, relaxed as said; return the loss."""
        if not self._started:
            start_spectrally(
                self._by_user, self._by_item, self.users, self.items,
                self._params.dim, self._params.seed, self._threads, self._level,
            )  # fmt: skip
        if not self._users_known:
            self._half_step(_USERS, 1.0 if self._started else FIRST_RELAXATION)
        self._started = self._users_known = True
        items = self._half_step(_ITEMS, of_items)
        users = self._half_step(_USERS, of_users, exactly=is_last)
        user_prior, item_prior = self._priors
        penalty = item_prior.fit(self._sides.join()[_ITEMS]) if item_prior else items.penalty
        if user_prior:
            penalty += user_prior.fit(self.users) - users.penalty
        return users.objective + penalty

    def _half_step(self, side: int, relaxation: float, exactly: bool = False) -> Energy:
        """Rotate both sides until the fixed one's Gramian is diagonal; solve the other's rows.

        Long rows of the fixed side are rounded to half their bytes, unless told `exactly`.
        """
        level = self._level
        eigenvalues, basis = eigenpairs(self._sides.gramian(1 - side), level)
        # Where a coordinate may be undetermined the systems look at the rows.
        determined = self._params.w0 * eigenvalues.min() > 0
        halve = bool(self._steps and determined and may_halve(len(basis)) and not exactly)
        self._sides.turn(basis, 1 - side if halve else None)
        for known_prior in filter(None, self._priors):
            known_prior.rotate(basis)
        prior = self._priors[side]
        system = self._system(side, eigenvalues, prior.centers() if prior else None, halve)
        solved = self._sides.tables[side]
        return system.solve(solved, self._threads, level, steps=self._steps, relaxation=relaxation)

    def _system(
        self, side: int, eigenvalues: Doubles, centers: FloatArray | None, halved: bool = False
    ) -> RowSystems:
        rows, fixed = (self._by_user, self._by_item)[side], self._sides.tables[1 - side]
        return RowSystems(
            rows, self._lambdas[side], fixed, eigenvalues, self._params.w0, centers,
            self._cuts[side], halved,
        )  # fmt: skip

    def loss(self) -> float:
        """Return the objective, term by term."""
        grams = [self._sides.gramian(side) for side in _SIDES]
        system = self._system(_USERS, np.diag(grams[_ITEMS]), None)
        penalties = [
            float(lambdas.astype(np.float64) @ np.einsum("nd,nd->n", side, side, dtype=np.float64))
            for lambdas, side in zip(self._lambdas, self._sides.tables, strict=True)
        ]
        for side, prior in enumerate(self._priors):
            if prior:
                penalties[side] = prior.penalty(self._sides.tables[side])
        everywhere = self._params.w0 * float(np.sum(grams[0] * grams[1]))
        observed = system.observed_loss(self.users, self._threads, self._level)
        return observed + everywhere + sum(penalties)

    def state(self, losses: list[float], limit: float) -> TrainerState:
        """Return everything that the next epoch depends on beside the data and the params."""
        users, items = self._sides.join()
        arrays: dict[str, npt.NDArray[np.number[Any]]] = {
            "users": users,
            "items": items,
            "turned": self._sides.turned,
            "losses": np.array(losses),
            "limit": np.array([limit]),
        }
        return arrays | self._weights()

    def resume(self, state: TrainerState) -> tuple[list[float], float]:
        """Go back to where `state` was; return the losses and the limit that it was given."""
        turned = self._sides.turned
        places: TrainerState = {"users": self.users, "items": self.items, "turned": turned}
        for name, place in {**places, **self._weights()}.items():
            if name not in state or state[name].shape != place.shape:
                raise DataInvalid(f"the state to resume from has no {name} of {place.shape}")
            place[:] = state[name]
        self._started = self._users_known = True
        return [float(loss) for loss in state["losses"]], float(state["limit"][0])

    def factors(
        self, losses: list[float], draw_users: bool = False, last: bool = False
    ) -> WalsFactors:
        """Return both sides in the coordinates that training started in; `last`: uses them up."""
        users, items = (side if last else side.copy() for side in self._sides.join())
        back = partial(self._sides.turn_back, dim=self._params.dim)
        center = back(self._draw(users))[0] if draw_users else None
        weights = {name: back(w.astype(np.float32)) for name, w in self._weights().items()}
        return WalsFactors(back(users), back(items), tuple(losses), user_center=center, **weights)

    def _draw(self, users: FloatArray) -> FloatArray:
        """Solve users for the penalty lambda_i |u_i - m|^2, m their mean; return m, (1, dim)."""
        count = np.count_nonzero(np.diff(self._by_user.row_starts))
        total = users.sum(axis=0, dtype=np.float64, keepdims=True)
        mean: FloatArray = (total / max(count, 1)).astype(np.float32)
        eigenvalues = np.diag(self._sides.gramian(_ITEMS))  # an epoch leaves the rest at 0
        system = self._system(_USERS, eigenvalues, mean)
        system.solve(users, self._threads, self._level, steps=self._steps)
        return mean

    def _weights(self) -> dict[str, Doubles]:
        """Return W of each side that has features."""
        named = zip(("user_feature_weights", "item_feature_weights"), self._priors, strict=True)
        return {name: prior.weights for name, prior in named if prior}


def _start(
    interactions: Interactions, params: WalsParams, initial: WalsFactors | None
) -> tuple[FloatArray, FloatArray]:
    """Return the first (users, items), padded: a warm start, random items, or zeros."""
    shapes = (interactions.row_count, params.dim), (interactions.column_count, params.dim)
    if initial:
        given = initial.users.shape, initial.items.shape
        if given != shapes:
            raise DataInvalid(f"initial factors have shapes {given}, not {shapes}")
        return padded(initial.users), padded(initial.items)
    users, items = padded_zeros(*shapes[0]), padded_zeros(*shapes[1])
    if params.init_stddev is not None:
        start_randomly(items, params.dim, params.init_stddev, params.seed)
    return users, items
