"""Quality of ranked candidates against held-out items, over the whole catalog, on arrays.

Per query, with hits h_1..h_k (1 where the candidate of that place is relevant, else 0; places
behind a query's last result count as 0), relevant set R and cut-off k:

    precision   sum h / k                                         Manning et al. 2008, ch. 8
    recall      sum h / |R|           LightGCN's (He et al. 2020); not divided by min(|R|, k)
    f1          2 precision recall / (precision + recall), 0 where both are 0
    hit_rate    1 if any h, else 0                                     NCF (He et al. 2017)
    mrr         1 / place of the first hit, 0 without one                   Voorhees 1999
    map         sum of (precision at place i) h_i / min(|R|, k)   the MAP@k of Kaggle and implicit;
                over |R| alone a list of k could not reach 1
    ndcg        sum h_i / log2(i + 1), over the same sum for min(|R|, k) hits in front:
                binary gains                             Jarvelin and Kekalainen 2002; LightGCN's

Over all queries:
    coverage    share of the catalog that some query was given
    novelty     mean over candidates of -log2(count of item / sum of counts), the self-information
                of what was given, in bits                                   Zhou et al. 2010

Queries without relevant items have no recall; they are left out of everything and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from shortlist.core.errors import SettingInvalid
from shortlist.core.metrics.hits import Hits

if TYPE_CHECKING:
    from shortlist.core.data.interactions import IntArray, Interactions, LongArray
    from shortlist.core.scan.scoring import TopRows

DoubleArray: TypeAlias = npt.NDArray[np.float64]

PER_QUERY: Final = ("precision", "recall", "f1", "map", "ndcg", "mrr", "hit_rate")
QUERIES_AT_ONCE: Final = 8192  # bounds the temporary memory


class MetricRow(NamedTuple):
    """One number of an evaluation."""

    metric: str
    cutoff: int
    value: float
    standard_error: float  # of the mean over queries; NaN for coverage and novelty


@dataclass(frozen=True, slots=True)
class RankingMetrics:
    """Every metric at every cut-off, with its values per query for comparisons."""

    query_count: int  # queries that have relevant items
    skipped_count: int  # queries without, left out
    cutoffs: tuple[int, ...]
    values: dict[str, DoubleArray]  # PER_QUERY name -> (cutoffs, queries that count, in order)
    coverage: DoubleArray  # (cutoffs,)
    novelty: DoubleArray | None  # (cutoffs,) bits; None without item counts

    def mean(self, metric: str, cutoff: int) -> float:
        """Return the mean over queries; NaN when no query counts."""
        values = self.per_query(metric, cutoff)
        return float(values.mean()) if len(values) else float("nan")

    def standard_error(self, metric: str, cutoff: int) -> float:
        """Return the standard error of the mean, deviation / sqrt(n); NaN below 2 queries."""
        values = self.per_query(metric, cutoff)
        if len(values) < 2:
            return float("nan")
        return float(values.std(ddof=1) / np.sqrt(len(values)))

    def per_query(self, metric: str, cutoff: int) -> DoubleArray:
        """Return the metric of each query that counts. Raises SettingInvalid at unknown names."""
        if metric not in self.values:
            raise SettingInvalid("metric", metric, f"one of {', '.join(self.values)}")
        if cutoff not in self.cutoffs:
            raise SettingInvalid("cutoff", cutoff, f"one of {self.cutoffs}")
        values: DoubleArray = self.values[metric][self.cutoffs.index(cutoff)]
        return values

    def rows(self) -> Iterator[MetricRow]:
        """Yield every number, cut-off by cut-off."""
        for at, cutoff in enumerate(self.cutoffs):
            for metric in PER_QUERY:
                error = self.standard_error(metric, cutoff)
                yield MetricRow(metric, cutoff, self.mean(metric, cutoff), error)
            yield MetricRow("coverage", cutoff, float(self.coverage[at]), float("nan"))
            if self.novelty is not None:
                yield MetricRow("novelty", cutoff, float(self.novelty[at]), float("nan"))

    def to_dict(self) -> dict[str, float]:
        """Return {"recall@20": mean, ...}."""
        return {f"{row.metric}@{row.cutoff}": row.value for row in self.rows()}


def evaluate_ranking(
    ranked: TopRows,
    relevant: Interactions,
    cutoffs: Sequence[int],
    item_counts: IntArray | LongArray | None = None,
) -> RankingMetrics:
    """Measure the ranked rows of each query against its relevant rows (the columns of its row).

    relevant.column_count is the size of the catalog. item_counts (items,): how often each item was
    seen in training, for novelty. Raises SettingInvalid when a cut-off is not positive or repeats,
    or when the arrays do not match.
    """
    cutoffs = tuple(sorted(cutoffs))
    _check(ranked, relevant, cutoffs, item_counts)
    relevant_counts = np.diff(relevant.row_starts)
    counted = np.flatnonzero(relevant_counts > 0)
    values = {name: np.zeros((len(cutoffs), len(counted))) for name in PER_QUERY}
    exposure = _Exposure(cutoffs, relevant.column_count, item_counts)
    hits = Hits(ranked, relevant)
    for first in range(0, len(counted) if cutoffs else 0, QUERIES_AT_ONCE):
        block = slice(first, first + QUERIES_AT_ONCE)
        queries = counted[block]
        places = hits.at(queries, cutoffs[-1])
        of_block = _per_query(places.hits, relevant_counts[queries], cutoffs)
        for name, numbers in of_block.items():
            values[name][:, block] = numbers
        exposure.add(places.rows, places.given)
    return RankingMetrics(
        len(counted),
        len(relevant_counts) - len(counted),
        cutoffs,
        values,
        exposure.coverage(),
        exposure.novelty(),
    )


class _Exposure:
    """What was given to anybody, cut-off by cut-off, summed up over blocks of queries."""

    def __init__(
        self, cutoffs: Sequence[int], item_count: int, item_counts: IntArray | LongArray | None
    ) -> None:
        self._cutoffs = cutoffs
        self._surprise = None if item_counts is None else _self_information(item_counts)
        self._seen = np.zeros((len(cutoffs), item_count), np.bool_)
        self._surprise_sums = np.zeros(len(cutoffs))
        self._given_counts = np.zeros(len(cutoffs), np.int64)

    def add(self, rows: IntArray, given: npt.NDArray[np.bool_]) -> None:
        for at, k in enumerate(self._cutoffs):
            shown = rows[:, :k][given[:, :k]]
            self._seen[at, shown] = True
            self._given_counts[at] += len(shown)
            if self._surprise is not None:
                self._surprise_sums[at] += self._surprise[shown].sum()

    def coverage(self) -> DoubleArray:
        """Return the share of the catalog that was given, 0 of an empty one."""
        return np.asarray(self._seen.sum(axis=1) / max(self._seen.shape[1], 1))

    def novelty(self) -> DoubleArray | None:
        """Return the mean self-information, NaN where nothing was given; None without counts."""
        if self._surprise is None:
            return None
        means = np.full(len(self._cutoffs), np.nan)
        given = self._given_counts
        np.divide(self._surprise_sums, given, out=means, where=given > 0)
        return means


def _per_query(
    hits: npt.NDArray[np.bool_], relevant_counts: LongArray, cutoffs: Sequence[int]
) -> dict[str, DoubleArray]:
    """Return every PER_QUERY metric, (cutoffs, queries), from hits (queries, places)."""
    depth = hits.shape[1]
    places = np.arange(1, depth + 1)
    hit_counts = np.cumsum(hits, axis=1)
    precision_sums = np.cumsum(np.where(hits, hit_counts / places, 0), axis=1)
    discounts = 1 / np.log2(places + 1)
    gains = np.cumsum(hits * discounts, axis=1)
    ideal_gains = np.cumsum(discounts)
    first = np.where(hits.any(axis=1), hits.argmax(axis=1), depth)
    values = {name: np.zeros((len(cutoffs), len(hits))) for name in PER_QUERY}
    for at, k in enumerate(cutoffs):
        reachable = np.minimum(relevant_counts, k)
        hits_at_k = hit_counts[:, k - 1]
        values["precision"][at] = hits_at_k / k
        values["recall"][at] = hits_at_k / relevant_counts
        # 2pr / (p + r) with p = hits / k and r = hits / |R| comes to this, 0 without a hit.
        values["f1"][at] = 2 * hits_at_k / (k + relevant_counts)
        values["map"][at] = precision_sums[:, k - 1] / reachable
        values["ndcg"][at] = gains[:, k - 1] / ideal_gains[reachable - 1]
        values["mrr"][at] = np.where(first < k, 1 / (first + 1), 0)
        values["hit_rate"][at] = hits_at_k > 0
    return values


def _self_information(item_counts: IntArray | LongArray) -> DoubleArray:
    """Return -log2 of each item's share of the events; an item never seen counts as seen once."""
    counts = np.maximum(item_counts, 1).astype(np.float64)
    return np.log2(max(float(np.sum(item_counts)), 1.0) / counts)


def _check(
    ranked: TopRows,
    relevant: Interactions,
    cutoffs: tuple[int, ...],
    item_counts: IntArray | LongArray | None,
) -> None:
    if len(set(cutoffs)) < len(cutoffs) or (cutoffs and cutoffs[0] < 1):
        raise SettingInvalid("cutoffs", cutoffs, "different numbers from 1")
    if len(ranked.counts) != relevant.row_count:
        raise SettingInvalid("ranked", len(ranked.counts), f"{relevant.row_count} queries")
    if item_counts is not None and len(item_counts) != relevant.column_count:
        raise SettingInvalid("item_counts", len(item_counts), f"{relevant.column_count} items")
