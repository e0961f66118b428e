"""Negative sampling: items that a user has not interacted with, uniform, by popularity or mixed.

Never a positive: a draw that hits one is drawn again, a bounded number of times, and what then has
no sample is counted and left out. Every position of a request has a random stream of its own, so
the same seed gives the same samples at any thread count.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shortlist.core.data.interactions import FloatArray, IntArray, Interactions
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.parallel import for_each_chunk, resolve_threads
from shortlist.core.sgd._negatives import sample_rows

ATTEMPTS_MAX = 10_000
_CHUNK_SAMPLES = 65_536


@dataclass(frozen=True, slots=True)
class Negatives:
    """What was drawn for each asked user, with replacement."""

    items: IntArray  # (n, count) item rows; of row i the first counts[i] are samples
    counts: IntArray  # (n,)
    misses: int  # samples that found no negative item: n * count - counts.sum()

    def of(self, position: int) -> IntArray:
        """Return the samples of one asked user."""
        return self.items[position, : self.counts[position]]


class NegativeSampler:
    """A distribution over items, prepared once; immutable, used by many threads.

    `popularity` (items,) weights items by popularity^power (word2vec's 0.75 by default; Mikolov et
    al. 2013); None is uniform. Popular items are drawn more often, as they are shown more often.
    uniform_share of the samples come from all items alike (mixed negative sampling, Yang et al.,
    WWW 2020), so that those which nobody has are pushed down too.
    """

    def __init__(
        self,
        item_count: int,
        popularity: npt.ArrayLike | None = None,
        *,
        power: float = 0.75,
        uniform_share: float = 0.0,
    ) -> None:
        if not 0 <= item_count < 2**31:
            raise SettingInvalid("item_count", item_count, "0 to 2^31 - 1")
        if not 0 <= uniform_share <= 1:
            raise SettingInvalid("uniform_share", uniform_share, "0 to 1")
        self._item_count = item_count
        self._log_probabilities: FloatArray | None = None
        self._thresholds, self._aliases = np.zeros(0, np.uint32), np.zeros(0, np.int32)
        if popularity is not None:
            weighted = _probabilities(np.asarray(popularity, np.float64), item_count, power)
            probabilities = (1 - uniform_share) * weighted + uniform_share / max(1, item_count)
            with np.errstate(divide="ignore"):  # an item of weight 0 is never drawn: log is -inf
                self._log_probabilities = np.log(probabilities).astype(np.float32)
            self._thresholds, self._aliases = _alias_table(probabilities)

    def sample(
        self,
        positives: Interactions,
        users: IntArray,
        count: int,
        *,
        seed: int,
        attempts_max: int = 32,
        threads: int = 0,
    ) -> Negatives:
        """Draw `count` items for each of `users` (n,) rows of positives (users x items).

        Raises SettingInvalid for numbers out of range, DataInvalid for a user row that is none.
        """
        self._check(positives, users, count, attempts_max)
        users = np.ascontiguousarray(users, np.int32)
        items = np.zeros((len(users), count), np.int32)
        counts = np.zeros(len(users), np.int32)
        if not self._item_count or not items.size:
            return Negatives(items, counts, items.size)
        threads = resolve_threads(threads)
        chunk_users = max(1, _CHUNK_SAMPLES // count)
        chunk_count = -(-len(users) // chunk_users)
        marks = np.zeros((threads, self._item_count // 64 + 1), np.uint64)
        misses = [0] * chunk_count

        def work(chunk: int, thread: int) -> None:
            first = chunk * chunk_users
            last = min(first + chunk_users, len(users))
            misses[chunk] = sample_rows(
                users, positives.row_starts, positives.columns, self._item_count,
                self._thresholds, self._aliases, seed, attempts_max,
                first, last, items, counts, marks[thread],
            )  # fmt: skip

        for_each_chunk(work, chunk_count, threads)
        return Negatives(items, counts, sum(misses))

    def draw(self, count: int, *, seed: int) -> IntArray:
        """Draw `count` items for nobody in particular, (count,)."""
        nobody = Interactions(
            np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), self._item_count
        )
        drawn: IntArray = self.sample(nobody, np.zeros(1, np.int32), count, seed=seed).items[0]
        return drawn

    def log_probability(self, items: IntArray) -> FloatArray:
        """Return log Q(item) of the distribution before positives are left out, in the shape asked.

        Subtract it from the scores of a sampled softmax: what is drawn often would otherwise be
        pushed down often (Yi et al., RecSys 2019).
        """
        if self._log_probabilities is not None:
            return self._log_probabilities[items]
        return np.full(np.shape(items), -np.log(max(self._item_count, 1)), np.float32)

    def _check(
        self, positives: Interactions, users: IntArray, count: int, attempts_max: int
    ) -> None:
        if positives.column_count != self._item_count:
            count = positives.column_count
            raise DataInvalid(f"positives have {count} items, the sampler {self._item_count}")
        if not 0 <= count < 2**31:
            raise SettingInvalid("count", count, "0 to 2^31 - 1")
        if not 1 <= attempts_max <= ATTEMPTS_MAX:
            raise SettingInvalid("attempts_max", attempts_max, f"1 to {ATTEMPTS_MAX}")
        if len(users) and not 0 <= int(users.min()) <= int(users.max()) < positives.row_count:
            raise DataInvalid(f"users leave 0..{positives.row_count - 1}")


def item_weights(
    item_counts: npt.NDArray[np.integer], power: float, uniform_share: float = 0.0
) -> tuple[npt.NDArray[np.float64], float]:
    """Return popularity and power that draw known items by count^power; 0 is uniform.

    uniform_share of the draws come from all known items alike.

    Items that nobody has are never drawn: they would be pushed away and never pulled back.
    """
    known = (item_counts > 0).astype(np.float64)
    if power == 0 or uniform_share == 1:
        return known, 1.0
    if not uniform_share:
        return item_counts.astype(np.float64), power
    weights = known * item_counts.astype(np.float64) ** power
    return (1 - uniform_share) * weights / weights.sum() + uniform_share * known / known.sum(), 1.0


def in_batch_usable(
    positives: Interactions, users: IntArray, items: IntArray
) -> npt.NDArray[np.bool_]:
    """Return which items of a batch of (user, item) pairs may serve as whose negatives, (n, n).

    usable[i, j]: items[j] is no positive of users[i]. The items of a batch come by their
    popularity, so their scores need the correction log_probability of a popularity sampler with
    power 1.
    """
    usable = np.ones((len(users), len(items)), bool)
    for place, user in enumerate(users):
        columns, _ = positives.row(int(user))
        usable[place] = ~np.isin(items, columns)
    return usable


def hardest(negatives: Negatives, scores: FloatArray, count: int) -> Negatives:
    """Return the `count` samples of each row with the highest scores (n, drawn): hard negatives.

    The second stage of a two-stage draw; ties go to the sample drawn first.
    """
    if scores.shape != negatives.items.shape:
        raise DataInvalid(f"scores have shape {scores.shape}, samples {negatives.items.shape}")
    drawn = np.arange(negatives.items.shape[1]) < negatives.counts[:, None]
    order = np.argsort(np.where(drawn, -scores, np.inf), axis=1, kind="stable")[:, :count]
    counts = np.minimum(negatives.counts, count).astype(np.int32)
    kept = np.take_along_axis(negatives.items, order, axis=1)
    return Negatives(kept, counts, kept.size - int(counts.sum()))


def _probabilities(
    popularity: npt.NDArray[np.float64], item_count: int, power: float
) -> npt.NDArray[np.float64]:
    if popularity.shape != (item_count,):
        raise DataInvalid(f"popularity has shape {popularity.shape}, not ({item_count},)")
    if not np.isfinite(popularity).all() or (popularity < 0).any():
        raise DataInvalid("popularity must be finite and not negative")
    if not 0 <= power <= 10:
        raise SettingInvalid("power", power, "0 to 10")
    weights = np.where(popularity > 0, popularity, 0.0) ** power
    weights[popularity == 0] = 0.0  # also for power 0
    total = weights.sum()
    if item_count and not total > 0:
        raise DataInvalid("popularity has no item above 0")
    return weights / (total or 1.0)


def _alias_table(
    probabilities: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.uint32], IntArray]:
    """Return Vose's table: below its threshold of 2^32 a place keeps itself, else its alias."""
    count = len(probabilities)
    scaled = probabilities * count
    aliases = np.arange(count, dtype=np.int32)
    small: list[int] = np.flatnonzero(scaled < 1).tolist()
    large: list[int] = np.flatnonzero(scaled >= 1).tolist()
    while small and large:
        low, high = small.pop(), large[-1]
        aliases[low] = high
        scaled[high] -= 1 - scaled[low]
        if scaled[high] < 1:
            small.append(large.pop())
    for place in (*small, *large):  # 1 but for rounding
        scaled[place] = 1.0
    return np.minimum(scaled * 2.0**32, 2.0**32 - 1).astype(np.uint32), aliases
