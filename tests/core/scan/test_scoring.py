"""The exact scan against brute force in float64."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.cpu import SIMD_VARIABLE, available_levels
from shortlist.core.data.bitmaps import bitmap_of_rows, pack_bitmap
from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.scan.scoring import ItemScan, TopRows, score_rows
from tests.oracles.scoring import best_rows, documented_sum


@pytest.fixture(params=available_levels())
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(SIMD_VARIABLE, request.param)
    return str(request.param)


def vectors(count: int, dim: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def small_integers(count: int, dim: int, seed: int = 0) -> FloatArray:
    """Vectors whose inner products are exact in float32, with many ties."""
    return np.random.default_rng(seed).integers(-2, 3, (count, dim)).astype(np.float32)


def rows_of_queries(lists: Sequence[Collection[int]]) -> Interactions:
    starts = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    columns = np.array([row for rows in lists for row in sorted(rows)], np.int32)
    return Interactions(starts, columns, np.ones(len(columns), np.float32), 0)


def assert_agrees(
    top: TopRows,
    items: FloatArray,
    queries: FloatArray,
    k: int,
    allowed: Sequence[np.ndarray] | None = None,
) -> None:
    """Every query's rows and scores are those of the oracle; near-ties may swap."""
    assert top.rows.dtype == np.int32
    assert top.scores.dtype == np.float32
    for q, query in enumerate(queries):
        mask = None if allowed is None else allowed[q]
        rows, scores = best_rows(items, query, k, mask)
        count = top.counts[q]
        assert count == len(rows)
        found = top.rows[q, :count]
        assert len(set(found.tolist())) == count
        if mask is not None:
            assert mask[found].all()
        tolerance = 1e-5 * (1 + np.abs(scores).max(initial=0))
        np.testing.assert_allclose(top.scores[q, :count], scores, atol=tolerance)
        exact = items[found].astype(np.float64) @ query.astype(np.float64)
        np.testing.assert_allclose(exact, scores, atol=tolerance)


@pytest.mark.parametrize("query_count", [1, 3, 4, 7, 16, 33])
@pytest.mark.parametrize("dim", [1, 7, 8, 20, 64])
def test_best_rows_are_those_of_brute_force(level: str, query_count: int, dim: int) -> None:
    items, queries = vectors(1500, dim), vectors(query_count, dim, 1)
    for k in (1, 10, 300):
        assert_agrees(ItemScan(items).top(queries, k), items, queries, k)


@pytest.mark.parametrize("item_count", [1, 15, 16, 17, 31, 33, 63, 64, 65, 129])
def test_every_row_of_a_small_catalog_comes_back_once(level: str, item_count: int) -> None:
    items, queries = vectors(item_count, 12), vectors(5, 12, 1)
    top = ItemScan(items).top(queries, 1000)
    assert top.counts.tolist() == [item_count] * 5
    assert_agrees(top, items, queries, 1000)


def test_ties_come_in_row_order_whatever_the_path(level: str) -> None:
    """Exact scores with many ties: rows must equal the oracle's, one by one."""
    items, queries = small_integers(3000, 6), small_integers(9, 6, 1)
    scan = ItemScan(items)
    for k in (1, 50, 700):
        batch = scan.top(queries, k)
        for q, query in enumerate(queries):
            rows, scores = best_rows(items, query, k)
            assert batch.rows[q].tolist() == rows.tolist()
            assert batch.scores[q].tolist() == scores.tolist()
            assert scan.top(query[None], k).rows[0].tolist() == rows.tolist()


def test_equal_items_come_back_lowest_rows_first(level: str) -> None:
    items = np.ones((5000, 8), np.float32)
    top = ItemScan(items).top(np.ones((6, 8), np.float32), 40)
    assert (top.rows == np.arange(40)).all()


def test_zero_and_negative_zero_tie(level: str) -> None:
    items = np.zeros((1000, 3), np.float32)
    items[::2] = -0.0
    top = ItemScan(items).top(np.full((1, 3), -1, np.float32), 30)
    assert top.rows[0].tolist() == list(range(30))


def test_ascending_scores_displace_everything_before(level: str) -> None:
    """The worst order for a threshold: every item is better than all before it."""
    items = np.arange(20_000, dtype=np.float32)[:, None].repeat(2, 1)
    queries = np.ones((5, 2), np.float32)
    top = ItemScan(items).top(queries, 100)
    assert (top.rows == np.arange(19_999, 19_899, -1)).all()


def test_one_query_batch_gather_and_mask_agree_to_the_bit(level: str) -> None:
    items, queries = vectors(2000, 37), vectors(11, 37, 1)
    scan = ItemScan(items)
    batch = scan.top(queries, 2000)
    everything = pack_bitmap(np.arange(2000) != 1999)
    masked = scan.top(queries, 2000, eligible=everything)
    few = np.arange(0, 2000, 20)
    gathered = scan.top(queries, 2000, eligible=bitmap_of_rows(few, 2000))
    for q, query in enumerate(queries):
        single = scan.top(query[None], 2000)
        assert single.rows[0].tobytes() == batch.rows[q].tobytes()
        assert single.scores[0].tobytes() == batch.scores[q].tobytes()
        by_row = score_rows(items, query, np.arange(2000, dtype=np.int32))
        assert by_row[batch.rows[q]].tobytes() == batch.scores[q].tobytes()
        assert by_row[masked.rows[q]].tobytes() == masked.scores[q].tobytes()
        assert by_row[gathered.rows[q]].tobytes() == gathered.scores[q].tobytes()
        assert sorted(gathered.rows[q].tolist()) == few.tolist()


def test_scores_follow_the_documented_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of 12-bit values are exact in float32, so fused and separate roundings agree."""
    rng = np.random.default_rng(3)
    items = (rng.integers(-2047, 2048, (40, 29)) / 64).astype(np.float32)
    query = (rng.integers(-2047, 2048, 29) / 64).astype(np.float32)
    expected = [documented_sum(item, query) for item in items]
    for name in available_levels():
        monkeypatch.setenv(SIMD_VARIABLE, name)
        scores = score_rows(items, query, np.arange(40, dtype=np.int32))
        assert scores.tolist() == [float(s) for s in expected]


def test_levels_with_fused_multiply_add_agree_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    items, queries = vectors(700, 24), vectors(5, 24, 1)
    results = []
    for name in available_levels()[1:]:
        monkeypatch.setenv(SIMD_VARIABLE, name)
        top = ItemScan(items).top(queries, 100)
        results.append((top.rows.tobytes(), top.scores.tobytes()))
    assert len(set(results)) <= 1


@pytest.mark.parametrize("query_count", [1, 5, 40, 600])
def test_thread_count_changes_nothing(level: str, query_count: int) -> None:
    items, queries = vectors(1000, 16), vectors(query_count, 16, 1)
    scan = ItemScan(items)
    seen = rows_of_queries([range(q % 50, 900, 7) for q in range(query_count)])
    eligible = pack_bitmap(np.arange(1000) % 3 > 0)
    one = scan.top(queries, 60, eligible=eligible, excluded=seen, threads=1)
    for threads in (2, 3, 0):
        many = scan.top(queries, 60, eligible=eligible, excluded=seen, threads=threads)
        assert many.counts.tobytes() == one.counts.tobytes()
        assert many.rows.tobytes() == one.rows.tobytes()
        assert many.scores.tobytes() == one.scores.tobytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.12, 0.13, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("query_count", [1, 6])
def test_only_eligible_rows_come_back(level: str, share: float, query_count: int) -> None:
    items, queries = vectors(3001, 10), vectors(query_count, 10, 1)
    members = np.random.default_rng(5).random(3001) < share
    top = ItemScan(items).top(queries, 120, eligible=pack_bitmap(members))
    assert_agrees(top, items, queries, 120, [members] * query_count)


@pytest.mark.parametrize("share", [0.05, 0.6, None])
@pytest.mark.parametrize("query_count", [1, 7])
def test_excluded_rows_never_return(level: str, share: float | None, query_count: int) -> None:
    """Each query has its own exclusions: the very best items, the last rows, all, none."""
    items, queries = vectors(1003, 10), vectors(query_count, 10, 1)
    lists = []
    for q, query in enumerate(queries):
        best, _ = best_rows(items, query, 500)
        lists.append([best.tolist(), [], list(range(1003)), [0, 1002], [500]][q % 5])
    members = np.ones(1003, bool)
    if share is not None:
        members = np.random.default_rng(5).random(1003) < share
    allowed = [members & ~np.isin(np.arange(1003), rows) for rows in lists]
    eligible = None if share is None else pack_bitmap(members)
    top = ItemScan(items).top(queries, 100, eligible=eligible, excluded=rows_of_queries(lists))
    assert_agrees(top, items, queries, 100, allowed)


def test_ten_thousand_candidates_can_be_asked_for(level: str) -> None:
    items, queries = vectors(30_000, 4), vectors(4, 4, 1)
    assert_agrees(ItemScan(items).top(queries, 10_000), items, queries, 10_000)


def test_empty_catalog_and_no_queries_give_empty_results(level: str) -> None:
    queries = vectors(3, 8)
    nothing = ItemScan(np.empty((0, 8), np.float32)).top(queries, 10)
    assert nothing.counts.tolist() == [0, 0, 0]
    assert nothing.rows.shape == (3, 0)
    assert ItemScan(vectors(5, 8)).top(queries[:0], 10).rows.shape[0] == 0
    assert score_rows(vectors(5, 8), queries[0], np.empty(0, np.int32)).shape == (0,)


def test_a_read_only_memory_map_can_be_scanned(tmp_path: Path, level: str) -> None:
    items, queries = vectors(500, 9), vectors(2, 9, 1)
    np.save(tmp_path / "items.npy", items)
    mapped = np.load(tmp_path / "items.npy", mmap_mode="r")
    assert_agrees(ItemScan(mapped, trusted=True).top(queries, 20), items, queries, 20)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e16])
def test_values_that_cannot_be_scored_are_refused(bad: float) -> None:
    items, queries = vectors(40, 8), vectors(2, 8, 1)
    queries[1, 3] = bad
    with pytest.raises(DataInvalid, match=r"queries\[1, 3\]"):
        ItemScan(items).top(queries, 3)
    items[39, 7] = bad
    with pytest.raises(DataInvalid, match=r"item_vectors\[39, 7\]"):
        ItemScan(items)


def test_settings_out_of_range_are_refused() -> None:
    scan, query = ItemScan(vectors(40, 8)), vectors(1, 8, 1)
    for k in (0, -1, 10_001):
        with pytest.raises(SettingInvalid, match="k="):
            scan.top(query, k)
    with pytest.raises(SettingInvalid, match="queries="):
        scan.top(vectors(1, 9), 5)
    with pytest.raises(SettingInvalid, match="queries="):
        scan.top(query.astype(np.float64), 5)
    with pytest.raises(SettingInvalid, match="eligible="):
        scan.top(query, 5, eligible=np.zeros(2, np.uint64))
    with pytest.raises(SettingInvalid, match="eligible="):  # row 40 of 40
        scan.top(query, 5, eligible=np.array([1 << 40], np.uint64))
    with pytest.raises(SettingInvalid, match="excluded="):
        scan.top(query, 5, excluded=rows_of_queries([[1], [2]]))
    with pytest.raises(SettingInvalid, match="rows="):
        score_rows(vectors(4, 8), query[0], np.array([4], np.int32))
    with pytest.raises(SettingInvalid, match="item_vectors="):
        ItemScan(np.asfortranarray(vectors(40, 8)))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_catalog_mask_and_exclusion_agrees_with_brute_force(data: st.DataObject) -> None:
    item_count = data.draw(st.integers(0, 400))
    dim = data.draw(st.integers(1, 20))
    query_count = data.draw(st.integers(1, 9))
    k = data.draw(st.integers(1, 450))
    seed = data.draw(st.integers(0, 1000))
    share = data.draw(st.sampled_from([0, 0.02, 0.1, 0.3, 0.9, 1]))
    rng = np.random.default_rng(seed)
    items = small_integers(item_count, dim, seed)
    queries = small_integers(query_count, dim, seed + 1)
    members = rng.random(item_count) < share
    lists = [np.flatnonzero(rng.random(item_count) < rng.random() ** 3) for _ in queries]
    top = ItemScan(items).top(
        queries,
        k,
        eligible=pack_bitmap(members),
        excluded=rows_of_queries(lists),
        threads=1 + seed % 3,
    )
    for q, query in enumerate(queries):
        allowed = members & ~np.isin(np.arange(item_count), lists[q])
        rows, scores = best_rows(items, query, k, allowed)
        count = top.counts[q]
        assert top.rows[q, :count].tolist() == rows.tolist()
        assert top.scores[q, :count].tolist() == scores.tolist()
