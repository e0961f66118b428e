"""Weighted alternating least squares: minimise, over the rows of one side and then of the other,

    sum_obs w_ij (a_ij - <u_i, v_j>)^2 + w0 sum_unobserved <u_i, v_j>^2
      + sum_i lambda_i |u_i|^2 + sum_j lambda_j |v_j|^2            (ARCHITECTURE.md)

Every row of a half step solves (w0 V'V + lambda_i I + sum_obs (w_ij - w0) v v') u = sum_obs w_ij
a_ij v. Both sides are first rotated so that V'V is diagonal, which changes no product <u, v> and no
norm. Then the part that all rows share is diagonal, no d x d product is left in the inner loop, and
that diagonal is the preconditioner that lets two steps of conjugate gradient do the work of many.

Sources: Hu, Koren, Volinsky (ICDM 2008); Takacs, Pilaszy, Tikk (RecSys 2011) for conjugate
gradient; Rendle et al. (arXiv 2110.14037) for the scaling of the regularization.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.cpu import simd_level
from shortlist.core.eigen import eigenpairs
from shortlist.core.errors import DataInvalid, TrainingDiverged
from shortlist.core.feature_prior import FeaturePrior
from shortlist.core.first_vectors import start_randomly, start_spectrally
from shortlist.core.gramian import Doubles, gramian, padded, padded_zeros, rotate_rows
from shortlist.core.interactions import FloatArray, Interactions, column_counts, transposed
from shortlist.core.parallel import resolve_threads
from shortlist.core.progress import Epoch, TrainerState
from shortlist.core.row_systems import Energy, RowSystems, row_chunks
from shortlist.core.wals_params import (
    FIRST_RELAXATION,
    WalsParams,
    row_lambdas,
    signed_weights,
    with_data_defaults,
)

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
    them instead of 0 (core/feature_prior.py). draw_users: at the end the users are solved once
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
    for epoch in range(len(losses) + 1, params.epochs + 1):
        started = time.perf_counter()
        # From random vectors and with new rows the first epoch has nothing yet to go beyond. The
        # last one ends at the users' minimum, so that their rows are what folding in gives.
        is_last, first_is_steady = epoch == params.epochs, initial or params.init_stddev is not None
        most = 1.0 if epoch == 1 and first_is_steady else min(limit, params.relaxation(epoch))
        of_items = min(most, params.relaxation(1)) if is_last else most
        loss = alternation.epoch(of_items, 1.0 if is_last else most, is_last)
        if not np.isfinite(loss):
            problem = f"the loss is {loss} after epoch {epoch}; a larger regularization helps"
            raise TrainingDiverged(problem)
        # Over-relaxation goes on for as long as it pays.
        limit = 1.0 if losses and loss > losses[-1] else limit
        losses.append(loss)
        if on_epoch:
            seconds = time.perf_counter() - started
            state = partial(alternation.state, losses, limit)
            ended = Epoch(epoch, params.epochs, loss, seconds, state=state)
            on_epoch(ended, lambda: alternation.factors(losses, draw_users))
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
    threads, features = resolve_threads(threads), (user_features, item_features)
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
        user_counts = np.diff(interactions.row_starts)
        counts = column_counts(interactions)
        weights = signed_weights(interactions, user_counts, counts, params)
        if np.array_equal(weights, interactions.values):
            weights = interactions.values  # no need of both
        if freshness is not None:
            weights = weights * freshness
        self._by_user = replace(interactions, values=weights)
        self._by_item = transposed(self._by_user, threads)
        self._lambdas = row_lambdas(self._by_user, params), row_lambdas(self._by_item, params)
        self._cuts = row_chunks(self._by_user.row_starts), row_chunks(self._by_item.row_starts)
        self._params, self._threads, self._level = params, threads, simd_level()
        self._steps = 0 if params.solver == "cholesky" else params.cg_steps
        self.users, self.items = _start(interactions, params, initial)
        self._turned = np.eye(self.users.shape[1], dtype=np.float32)  # every rotation so far
        self._halved = [False, False]  # whether the side lies in halves just now
        width = self.users.shape[1]
        self._may_halve = bool(self._steps and params.w0 and width >= 128 and width % 32 == 0)
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
        rows, factors = (self._by_user, self._by_item)[side], (self.users, self.items)[side]
        heard = np.where(np.diff(rows.row_starts) > 0, self._lambdas[side], 0)
        how = self._params.feature_regularization, factors.shape[1], self._threads
        prior = FeaturePrior(features, heard, *how)
        if initial:
            weights = (initial.user_feature_weights, initial.item_feature_weights)[side]
            if weights is None:
                prior.fit(factors)
            else:
                prior.weights = padded(weights).astype(np.float64)
        return prior

    def epoch(self, of_items: float, of_users: float, is_last: bool) -> float:
        """Solve the items, then the users, relaxed as said; return the loss."""
        if not self._started:
            both = self._by_user, self._by_item, self.users, self.items
            how = self._params.dim, self._params.seed, self._threads, self._level
            start_spectrally(*both, *how)
        if not self._users_known:
            self._half_step(_USERS, 1.0 if self._started else FIRST_RELAXATION)
        self._started = self._users_known = True
        items = self._half_step(_ITEMS, of_items)
        users = self._half_step(_USERS, of_users, exactly=is_last)
        user_prior, item_prior = self._priors
        if item_prior:
            self._join()
        penalty = item_prior.fit(self.items) if item_prior else items.penalty
        if user_prior:
            penalty += user_prior.fit(self.users) - users.penalty
        return users.objective + penalty

    def _half_step(self, side: int, relaxation: float, exactly: bool = False) -> Energy:
        """Rotate both sides until the fixed one's Gramian is diagonal; solve the other's rows.

        Long rows of the fixed side are rounded to half their bytes, unless told `exactly`.
        """
        threads, level, other = self._threads, self._level, 1 - side
        tables = self.users, self.items
        eigenvalues, basis = eigenpairs(gramian(tables[other], threads, level), level)
        halve = self._may_halve and not exactly and bool(eigenvalues.min() > 0)
        for one, becomes in ((other, halve), (side, False)):
            halves = {"halved": self._halved[one], "halve": becomes}
            rotate_rows(tables[one], basis, threads, level, **halves)
            self._halved[one] = becomes
        rotate_rows(self._turned, basis, threads, level)
        for prior in self._priors:
            if prior:
                prior.rotate(basis)
        drawing = self._priors[side]
        centers = drawing.centers() if drawing else None
        system = replace(self._system(side, tables[other], eigenvalues, centers), halved=halve)
        how = {"steps": self._steps, "relaxation": relaxation}
        return system.solve(tables[side], threads, level, **how)

    def _join(self) -> None:
        """Let both sides be floats again."""
        for side, factors in enumerate((self.users, self.items)):
            if self._halved[side]:
                rotate_rows(factors, None, self._threads, self._level, halved=True)
        self._halved = [False, False]

    def _system(
        self, side: int, fixed: FloatArray, eigenvalues: Doubles, centers: FloatArray | None
    ) -> RowSystems:
        rows, w0 = (self._by_user, self._by_item)[side], self._params.w0
        parts = rows, self._lambdas[side], fixed, eigenvalues, w0, centers, self._cuts[side]
        return RowSystems(*parts)

    def loss(self) -> float:
        """Return the objective, term by term."""
        threads, level, w0 = self._threads, self._level, self._params.w0
        grams = gramian(self.users, threads, level), gramian(self.items, threads, level)
        system = self._system(_USERS, self.items, np.diag(grams[1]), None)
        penalties = [
            float(lambdas.astype(np.float64) @ np.einsum("nd,nd->n", side, side, dtype=np.float64))
            for lambdas, side in zip(self._lambdas, (self.users, self.items), strict=True)
        ]
        for side, prior in enumerate(self._priors):
            if prior:
                penalties[side] = prior.penalty((self.users, self.items)[side])
        everywhere = w0 * float(np.sum(grams[0] * grams[1]))
        return system.observed_loss(self.users, threads, level) + everywhere + sum(penalties)

    def state(self, losses: list[float], limit: float) -> TrainerState:
        """Return everything that the next epoch depends on beside the data and the params."""
        self._join()
        arrays: dict[str, npt.NDArray[np.number[Any]]] = {
            "users": self.users,
            "items": self.items,
            "turned": self._turned,
            "losses": np.array(losses),
            "limit": np.array([limit]),
        }
        return arrays | self._weights()

    def resume(self, state: TrainerState) -> tuple[list[float], float]:
        """Go back to where `state` was; return the losses and the limit that it was given."""
        places: TrainerState = {"users": self.users, "items": self.items, "turned": self._turned}
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
        self._join()
        users, items = (side if last else side.copy() for side in (self.users, self.items))

        def back(rows: FloatArray) -> FloatArray:
            rotate_rows(rows, self._turned.T, self._threads, self._level)
            return np.ascontiguousarray(rows[:, : self._params.dim])

        center = back(self._draw(users))[0] if draw_users else None
        weights = {name: back(w.astype(np.float32)) for name, w in self._weights().items()}
        return WalsFactors(back(users), back(items), tuple(losses), user_center=center, **weights)

    def _draw(self, users: FloatArray) -> FloatArray:
        """Solve users for the penalty lambda_i |u_i - m|^2, m their mean; return m, (1, dim)."""
        count = np.count_nonzero(np.diff(self._by_user.row_starts))
        total = users.sum(axis=0, dtype=np.float64, keepdims=True)
        mean: FloatArray = (total / max(count, 1)).astype(np.float32)
        threads, level = self._threads, self._level
        eigenvalues = np.diag(gramian(self.items, threads, level))  # an epoch leaves the rest at 0
        system = self._system(_USERS, self.items, eigenvalues, mean)
        system.solve(users, threads, level, steps=self._steps)
        return mean

    def _weights(self) -> dict[str, Doubles]:
        """Return W of each side that has features."""
        found = zip(("user_feature_weights", "item_feature_weights"), self._priors, strict=True)
        return {name: prior.weights for name, prior in found if prior}


def _start(
    interactions: Interactions, params: WalsParams, initial: WalsFactors | None
) -> tuple[FloatArray, FloatArray]:
    """Return the first (users, items), padded: a warm start, random items, or zeros."""
    shapes = (interactions.row_count, params.dim), (interactions.column_count, params.dim)
    if initial:
        found = initial.users.shape, initial.items.shape
        if found != shapes:
            raise DataInvalid(f"initial factors have shapes {found}, not {shapes}")
        return padded(initial.users), padded(initial.items)
    users, items = padded_zeros(*shapes[0]), padded_zeros(*shapes[1])
    if params.init_stddev is not None:
        start_randomly(items, params.dim, params.init_stddev, params.seed)
    return users, items
