"""The inverted file: its lists choose, float32 scores decide; all lists together are exact."""

from collections.abc import Collection, Sequence

import numpy as np
import pytest

from shortlist.core.cpu import SIMD_VARIABLE, available_levels
from shortlist.core.data.bitmaps import pack_bitmap
from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.scan.inverted_file import InvertedFile, ListScan, build_inverted_file
from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan, score_rows
from shortlist.core.scan.spherical_kmeans import cluster_directions, unit_vectors
from tests.oracles.scoring import best_rows

EVERY_LIST = 10**6
FIELDS = ("bounds", "spans", "rows", "codes", "scales")


@pytest.fixture(params=available_levels())
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(SIMD_VARIABLE, request.param)
    return str(request.param)


def vectors(count: int, dim: int, seed: int = 0) -> FloatArray:
    """Vectors of very different lengths, as trained factors have."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, dim)) * rng.gamma(1, 1, (count, 1))).astype(np.float32)


def lists_of(items: FloatArray, threads: int = 1) -> InvertedFile:
    return build_inverted_file(items, quantize(items), threads=threads)


def scan_of(items: FloatArray) -> ListScan:
    return ListScan(items, lists_of(items))


def excluded_rows(lists: Sequence[Collection[int]]) -> Interactions:
    starts = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    columns = np.array([row for rows in lists for row in sorted(rows)], np.int32)
    return Interactions(starts, columns, np.ones(len(columns), np.float32), 0)


@pytest.mark.parametrize("dim", [1, 5, 64, 100])
@pytest.mark.parametrize("count", [1, 2, 17, 3000])
def test_every_list_together_holds_the_best_of_brute_force(
    level: str, count: int, dim: int
) -> None:
    items, queries = vectors(count, dim), vectors(5, dim, 1)
    top = scan_of(items).top(queries, 100, probes=EVERY_LIST).top
    assert top.counts.tolist() == [min(count, 100)] * 5
    for q, query in enumerate(queries):
        rows, _ = best_rows(items, query, 100)
        found = top.rows[q, : top.counts[q]]
        assert len(np.intersect1d(rows, found)) >= 0.99 * len(rows)
        assert score_rows(items, query, found).tobytes() == top.scores[q, : len(found)].tobytes()
        assert (np.diff(top.scores[q, : len(found)]) <= 0).all()


def test_few_lists_look_at_few_items_and_find_most_of_the_best() -> None:
    rng = np.random.default_rng(3)
    items = vectors(400, 16)[rng.integers(0, 400, 20_000)]
    items += vectors(20_000, 16, 1) / 10
    queries = vectors(50, 16, 2)
    probed = scan_of(items).top(queries, 50, probes=30)
    exact = ItemScan(items).top(queries, 50).rows
    hits = [len(np.intersect1d(*rows)) for rows in zip(probed.top.rows, exact, strict=True)]
    assert np.mean(hits) > 0.9 * 50
    assert probed.scored_counts.max() < 0.4 * len(items)


def test_more_lists_never_score_fewer_items() -> None:
    items, queries = vectors(3000, 8), vectors(4, 8, 1)
    scan = scan_of(items)
    scored = [scan.top(queries, 10, probes=probes).scored_counts for probes in (1, 5, 50, 1000)]
    assert (np.diff(np.array(scored), axis=0) >= 0).all()
    assert scored[-1].tolist() == [3000] * 4


def test_each_item_lies_in_one_list_longest_first() -> None:
    items = vectors(2000, 6)
    file = lists_of(items)
    places = np.concatenate([np.arange(*span) for span in file.spans])
    assert sorted(file.rows[places].tolist()) == list(range(2000))
    lengths = np.linalg.norm(items, axis=1)
    for start, stop in file.spans:
        assert (np.diff(lengths[file.rows[start:stop]]) <= 1e-6).all()


def test_excluded_items_never_return(level: str) -> None:
    items, queries = vectors(3000, 12), vectors(20, 12, 1)
    rng = np.random.default_rng(4)
    lists = [set(rng.choice(3000, size, replace=False).tolist()) for size in range(0, 2000, 100)]
    top = scan_of(items).top(queries, 50, probes=EVERY_LIST, excluded=excluded_rows(lists)).top
    for q, excluded in enumerate(lists):
        allowed = np.ones(3000, bool)
        allowed[list(excluded)] = False
        rows, _ = best_rows(items, queries[q], 50, allowed)
        assert top.rows[q].tolist() == rows.tolist()


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 1])
def test_only_eligible_items_return(level: str, share: float) -> None:
    items, queries = vectors(3000, 12), vectors(3, 12, 1)
    allowed = np.random.default_rng(5).random(3000) < share
    scan, bitmap = scan_of(items), pack_bitmap(allowed)
    top = scan.top(queries, 50, probes=EVERY_LIST, eligible=bitmap).top
    for q, query in enumerate(queries):
        rows, _ = best_rows(items, query, 50, allowed)
        assert top.rows[q, : top.counts[q]].tolist() == rows.tolist()


def test_equal_scores_return_by_row() -> None:
    items = np.repeat(vectors(1, 8), 500, axis=0)
    top = scan_of(items).top(vectors(2, 8, 1), 500, probes=EVERY_LIST).top
    assert top.rows.tolist() == [list(range(500))] * 2


def test_a_query_alone_and_in_a_batch_get_the_same_at_any_thread_count() -> None:
    items, queries = vectors(5000, 20), vectors(40, 20, 1)
    scan = scan_of(items)
    alone = [scan.top(query[None], 30, probes=9) for query in queries]
    for threads in (1, 2, 3):
        together = scan.top(queries, 30, probes=9, threads=threads)
        for q, one in enumerate(alone):
            assert one.top.rows[0].tobytes() == together.top.rows[q].tobytes()
            assert one.top.scores[0].tobytes() == together.top.scores[q].tobytes()
            assert one.scored_counts[0] == together.scored_counts[q]


def test_the_same_items_make_the_same_lists_at_any_thread_count() -> None:
    items = vectors(5000, 20)
    one = lists_of(items)
    for threads in (2, 3):
        many = lists_of(items, threads)
        for field in FIELDS:
            assert getattr(one, field).tobytes() == getattr(many, field).tobytes()


def test_zero_vectors_have_a_place_and_zero_queries_an_answer() -> None:
    items = vectors(300, 8)
    items[::3] = 0
    top = scan_of(items).top(np.zeros((1, 8), np.float32), 300, probes=EVERY_LIST).top
    assert top.rows[0].tolist() == list(range(300))
    zeros = np.zeros((40, 8), np.float32)
    assert scan_of(zeros).top(vectors(1, 8), 40, probes=EVERY_LIST).top.counts.tolist() == [40]


@pytest.mark.parametrize("value", [np.nan, np.inf, 2e15])
def test_queries_without_numbers_are_refused(value: float) -> None:
    queries = np.full((1, 8), value, np.float32)
    with pytest.raises(DataInvalid, match=r"queries\[0, 0\]"):
        scan_of(vectors(30, 8)).top(queries, 3, probes=2)


def test_largest_values_stay_finite() -> None:
    items = np.full((40, 8), 1e15, np.float32)
    top = scan_of(items).top(items[:1], 40, probes=EVERY_LIST).top
    assert np.isfinite(top.scores).all()


def test_settings_out_of_range_are_told() -> None:
    scan = scan_of(vectors(30, 8))
    with pytest.raises(SettingInvalid, match="probes=0"):
        scan.top(vectors(1, 8), 3, probes=0)
    with pytest.raises(SettingInvalid, match="queries="):
        scan.top(vectors(1, 7), 3, probes=1)
    with pytest.raises(SettingInvalid, match="item_vectors="):
        ListScan(vectors(30, 9), lists_of(vectors(30, 8)))


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    file = lists_of(vectors(100, 8))
    arrays = {field: getattr(file, field) for field in FIELDS}
    for changed in (
        {"rows": file.rows[:-1]},
        {"codes": file.codes[:-1]},
        {"bounds": file.bounds[:-1]},
        {"spans": file.spans + 16},
        {"spans": file.spans + 1},
    ):
        with pytest.raises(SettingInvalid):
            InvertedFile(**(arrays | changed), dim=8)


def test_clusters_are_of_the_nearest_centre() -> None:
    directions, lengths = unit_vectors(vectors(2000, 5))
    centres, owners = cluster_directions(directions, 30)
    assert np.allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-5)
    cosines = directions.astype(np.float64) @ centres.astype(np.float64).T
    assert np.allclose(cosines.max(axis=1), cosines[np.arange(2000), owners], atol=1e-5)
    assert np.allclose(directions * lengths[:, None], vectors(2000, 5), atol=1e-5)
