"""The int8 scan: estimates choose, float32 scores decide."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pytest

from shortlist.core.cpu import SIMD_VARIABLE, available_levels
from shortlist.core.data.bitmaps import pack_bitmap
from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.errors import DataInvalid, SettingInvalid
from shortlist.core.scan.quantization import Quantized, quantize
from shortlist.core.scan.scoring import ItemScan, TopRows, score_rows
from tests.oracles.scoring import best_rows, decode

ITEM_COUNT = 6001  # above the size from which int8 is used, and no whole tile


@pytest.fixture(params=available_levels())
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(SIMD_VARIABLE, request.param)
    return str(request.param)


def vectors(count: int, dim: int, seed: int = 0) -> FloatArray:
    """Vectors of very different lengths, as trained factors have."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, dim)) * rng.gamma(1, 1, (count, 1))).astype(np.float32)


def rows_of_queries(lists: Sequence[Collection[int]]) -> Interactions:
    starts = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    columns = np.array([row for rows in lists for row in sorted(rows)], np.int32)
    return Interactions(starts, columns, np.ones(len(columns), np.float32), 0)


def recall(
    top: TopRows,
    items: FloatArray,
    queries: FloatArray,
    k: int,
    allowed: Sequence[np.ndarray] | None = None,
) -> float:
    hits = 0.0
    for q, query in enumerate(queries):
        rows, _ = best_rows(items, query, k, None if allowed is None else allowed[q])
        hits += len(set(rows.tolist()) & set(top.rows[q, : top.counts[q]].tolist())) / len(rows)
    return hits / len(queries)


@pytest.mark.parametrize("shape", [(1, 1), (16, 4), (63, 7), (130, 66)])
def test_codes_are_within_half_a_scale_of_the_values(shape: tuple[int, int]) -> None:
    items = vectors(*shape)
    quantized = quantize(items)
    decoded = decode(quantized.codes, quantized.scales, *shape)
    half = quantized.scales[: shape[0], None] * 0.5001
    assert (np.abs(decoded - items) <= half).all()


def test_memory_is_dim_and_four_bytes_an_item() -> None:
    quantized = quantize(vectors(64_000, 64))
    assert quantized.codes.nbytes + quantized.scales.nbytes == 68 * 64_000


def test_filling_counts_as_zero() -> None:
    quantized = quantize(vectors(5, 6))
    flat = quantized.codes.reshape(-1, 2, 16, 4)
    assert (flat[:, 1, :, 2:] == 128).all()
    assert (flat[0, :, 5:] == 128).all()
    assert (quantized.scales[5:] == 0).all()


@pytest.mark.parametrize("query_count", [1, 2, 9, 40])
@pytest.mark.parametrize("dim", [5, 64, 100])
def test_candidates_are_those_of_brute_force(level: str, query_count: int, dim: int) -> None:
    items, queries = vectors(ITEM_COUNT, dim), vectors(query_count, dim, 1)
    top = ItemScan(items, quantize(items)).top(queries, 100)
    assert top.counts.tolist() == [100] * query_count
    assert recall(top, items, queries, 100) >= 0.999


def close_together(kind: str) -> tuple[FloatArray, FloatArray]:
    """Items whose scores differ by less than int8 estimates can tell, and queries."""
    rng = np.random.default_rng(2)
    items, queries = rng.standard_normal((ITEM_COUNT, 24)), rng.standard_normal((5, 24))
    if kind == "a large part in common":
        items += 40 * rng.standard_normal(24)
    elif kind == "a large part that no query asks for":
        items[:, 0] *= 1000
        queries[:, 0] = 0
    elif kind == "few values, many ties":
        items = rng.integers(-2, 3, (ITEM_COUNT, 4)).astype(np.float64)
        queries = rng.integers(-2, 3, (5, 4)).astype(np.float64)
    elif kind == "nothing but ties":
        queries[:] = 0
    return items.astype(np.float32), queries.astype(np.float32)


CLOSE = [
    "a large part in common",
    "a large part that no query asks for",
    "few values, many ties",
    "nothing but ties",
]


@pytest.mark.parametrize("kind", CLOSE)
@pytest.mark.parametrize("threads", [1, 3])
def test_estimates_too_close_together_cost_no_result(level: str, kind: str, threads: int) -> None:
    """Where estimates cannot tell items apart the scan notices, and scores all of them."""
    items, queries = close_together(kind)
    queries = np.concatenate([queries, vectors(40, items.shape[1])[:threads]])
    left_out = [range(q, 3000, 7) for q in range(len(queries))]
    members = np.arange(ITEM_COUNT) % 3 > 0
    estimated, plain = ItemScan(items, quantize(items)), ItemScan(items)
    for restricted in (
        {},
        {"excluded": rows_of_queries(left_out)},
        {"excluded": rows_of_queries(left_out), "eligible": pack_bitmap(members)},
    ):
        found = estimated.top(queries, 100, threads=threads, **restricted)
        expected = plain.top(queries, 100, **restricted)
        assert found.rows.tolist() == expected.rows.tolist()
        assert found.scores.tobytes() == expected.scores.tobytes()
        assert found.counts.tolist() == expected.counts.tolist()


@pytest.mark.parametrize("kind", CLOSE)
def test_weighted_estimates_too_close_together_name_no_candidates(kind: str) -> None:
    items, queries = close_together(kind)
    weights = np.linspace(0.9, 1, ITEM_COUNT, dtype=np.float32)
    for query in queries:
        rows = ItemScan(items, quantize(items)).candidates(query, 50, weights)
        best, _ = best_rows(items * weights[:, None], query, 50)
        assert rows is None or set(best.tolist()) <= set(rows.tolist())


def test_scores_are_the_float_scores_to_the_bit(level: str) -> None:
    items, queries = vectors(ITEM_COUNT, 30), vectors(7, 30, 1)
    top = ItemScan(items, quantize(items)).top(queries, 50)
    for q, query in enumerate(queries):
        scores = score_rows(items, query, top.rows[q])
        assert scores.tobytes() == top.scores[q].tobytes()
        assert (np.diff(scores) <= 0).all()


def test_every_level_estimates_the_same_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The float scores differ by level only in rounding, so the chosen rows must be equal."""
    items, queries = vectors(ITEM_COUNT, 21), vectors(6, 21, 1)
    chosen = []
    for name in available_levels():
        monkeypatch.setenv(SIMD_VARIABLE, name)
        top = ItemScan(items, quantize(items)).top(queries, 100)
        chosen.append([sorted(rows) for rows in top.rows.tolist()])
    assert all(rows == chosen[0] for rows in chosen)


def test_extreme_codes_do_not_saturate(level: str) -> None:
    """Largest products of both signs: 16-bit sums of unsigned codes would overflow."""
    items = np.ones((ITEM_COUNT, 64), np.float32)
    items[1::2] = -1
    items[:, 0] += np.linspace(0, 0.5, ITEM_COUNT, dtype=np.float32)
    queries = np.stack([np.full(64, 2), np.full(64, -2)]).astype(np.float32)
    top = ItemScan(items, quantize(items)).top(queries, 10)
    assert (top.rows[0] % 2 == 0).all()
    assert (top.rows[1] % 2 == 1).all()


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("query_count", [1, 5])
def test_masks_and_exclusions_hold(level: str, share: float, query_count: int) -> None:
    items, queries = vectors(ITEM_COUNT, 16), vectors(query_count, 16, 1)
    members = np.random.default_rng(2).random(ITEM_COUNT) < share
    lists = [best_rows(items, query, 300)[0].tolist() for query in queries]
    allowed = [members & ~np.isin(np.arange(ITEM_COUNT), rows) for rows in lists]
    top = ItemScan(items, quantize(items)).top(
        queries, 20, eligible=pack_bitmap(members), excluded=rows_of_queries(lists)
    )
    for q in range(query_count):
        assert allowed[q][top.rows[q, : top.counts[q]]].all()
    assert top.counts.tolist() == [min(20, int(mask.sum())) for mask in allowed]
    assert recall(top, items, queries, 20, allowed) >= 0.999


@pytest.mark.parametrize("query_count", [1, 50, 300])
def test_thread_count_changes_nothing(level: str, query_count: int) -> None:
    items, queries = vectors(ITEM_COUNT, 16), vectors(query_count, 16, 1)
    scan = ItemScan(items, quantize(items))
    one = scan.top(queries, 60, threads=1)
    for threads in (2, 3):
        many = scan.top(queries, 60, threads=threads)
        assert many.rows.tobytes() == one.rows.tobytes()
        assert many.scores.tobytes() == one.scores.tobytes()


def test_zero_and_tiny_vectors_are_scanned(level: str) -> None:
    items = vectors(ITEM_COUNT, 8)
    items[100] = 0
    queries = np.stack([np.zeros(8), np.full(8, 1e-30)]).astype(np.float32)
    top = ItemScan(items, quantize(items)).top(queries, 30)
    assert top.rows[0].tolist() == list(range(30))
    rows, _ = best_rows(items, queries[1] * np.float32(1e30), 30)
    assert top.rows[1].tolist() == rows.tolist()


def test_codes_can_be_memory_mapped(tmp_path: Path, level: str) -> None:
    items, queries = vectors(ITEM_COUNT, 12), vectors(2, 12, 1)
    made = quantize(items)
    np.save(tmp_path / "codes.npy", made.codes)
    np.save(tmp_path / "scales.npy", made.scales)
    codes = np.load(tmp_path / "codes.npy", mmap_mode="r")
    scales = np.load(tmp_path / "scales.npy", mmap_mode="r")
    mapped = ItemScan(items, Quantized(codes, scales, ITEM_COUNT, 12)).top(queries, 9)
    assert mapped.rows.tobytes() == ItemScan(items, made).top(queries, 9).rows.tobytes()


def test_codes_of_other_items_are_refused() -> None:
    items = vectors(100, 8)
    with pytest.raises(SettingInvalid, match="quantized="):
        ItemScan(items, quantize(items[:99]))
    made = quantize(items)
    with pytest.raises(SettingInvalid, match="codes="):
        Quantized(made.codes, made.scales, 300, 8)
    with pytest.raises(SettingInvalid, match="scales="):
        Quantized(made.codes, made.scales[:5], 100, 8)
    items[42, 3] = np.nan
    with pytest.raises(DataInvalid, match=r"item_vectors\[42\]"):
        quantize(items)


def test_an_empty_catalog_can_be_quantized() -> None:
    items = np.empty((0, 8), np.float32)
    assert ItemScan(items, quantize(items)).top(vectors(1, 8), 5).counts.tolist() == [0]


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_weighted_candidates_hold_the_best_products(level: str, share: float) -> None:
    """Weights may turn the order around: the best come from anywhere in the ranking by score."""
    items, query = vectors(ITEM_COUNT, 24), vectors(1, 24, 1)[0]
    rng = np.random.default_rng(3)
    weights = (rng.random(ITEM_COUNT) ** 4).astype(np.float32)
    members = rng.random(ITEM_COUNT) < share
    left_out = np.flatnonzero(members)[:200].tolist()
    rows = ItemScan(items, quantize(items)).candidates(
        query, 50, weights, eligible=pack_bitmap(members), excluded=rows_of_queries([left_out])
    )
    allowed = members.copy()
    allowed[left_out] = False
    best, _ = best_rows(items * weights[:, None], query, 50, allowed)
    assert rows is not None
    assert set(best.tolist()) <= set(rows.tolist())
    assert allowed[rows].all()
    assert (np.diff(rows) > 0).all()


def test_weighted_candidates_are_not_estimated_where_reading_all_pays() -> None:
    items, weights = vectors(ITEM_COUNT, 8), np.ones(ITEM_COUNT, np.float32)
    few = pack_bitmap(np.arange(ITEM_COUNT) % 100 == 0)
    scan = ItemScan(items, quantize(items))
    assert scan.candidates(items[0], 10, weights, eligible=few) is None
    assert scan.candidates(items[0], ITEM_COUNT, weights) is None
    assert ItemScan(items).candidates(items[0], 10, weights) is None
    with pytest.raises(SettingInvalid, match="weights"):
        scan.candidates(items[0], 10, weights[1:])
