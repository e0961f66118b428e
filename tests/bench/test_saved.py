"""Saved runs of benchmarks, and tables made of them."""

import json
import math
import sys
from pathlib import Path

import pytest

from bench.report import ROOT, Row
from bench.saved.run import SavedRun, load, rows_of, save
from bench.saved.tables import rendered

EPOCH = Row("wals", "gowalla epoch", "epoch", "s", 0.05, "implicit", 0.4, 8.0, "loss 1 | 2")
MEMORY = Row("wals", "gowalla memory", "peak memory", "MB", 1234.5, "", math.nan, math.nan, "")
RUN = SavedRun("wals", ("--quick",), "some processor, 2 cores", "abc1234", "2026-01-02", (EPOCH,))


def test_a_run_is_read_as_it_was_saved(tmp_path: Path) -> None:
    """Quick runs have a file of their own: they must not take the place of whole ones."""
    assert save(RUN, tmp_path).name == "wals.quick.json"
    assert load("wals.quick", tmp_path) == RUN


def test_rows_without_a_peer_are_json_without_nan(tmp_path: Path) -> None:
    """NaN is no JSON; other programs than ours should read these files."""
    path = save(SavedRun("wals", (), "", "", "", (MEMORY,)), tmp_path)
    stored = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert stored["rows"][0]["peer_value"] is None
    (row,) = load("wals", tmp_path).rows
    assert math.isnan(row.peer_value)
    assert row.ours == 1234.5


def test_what_a_benchmark_prints_as_json_is_what_is_kept() -> None:
    """Lines that are no row are shown, not kept."""
    line = '{"bench": "b", "job": "j", "metric": "m", "unit": "s", "ours": 1.5, "ratio": null}'
    rows = rows_of([sys.executable, "-c", f"print('left out'); print({line!r})"])
    assert [(row.job, row.ours, row.peer) for row in rows] == [("j", 1.5, "")]
    assert math.isnan(rows[0].ratio)


def test_a_failed_benchmark_has_no_rows_to_keep() -> None:
    line = '{"bench": "b", "job": "j", "metric": "m", "unit": "s", "ours": 1.5}'
    assert rows_of([sys.executable, "-c", f"print({line!r}); raise SystemExit(1)"]) == ()


def test_a_table_says_what_it_is_of(tmp_path: Path) -> None:
    """Whatever stood in the block goes; what stands around it stays."""
    save(RUN, tmp_path)
    text = "before\n<!-- results: wals.quick: gow* / epoch -->\nold\n<!-- end -->\nafter\n"
    made = rendered(text, tmp_path)
    assert made.splitlines() == [
        "before",
        "<!-- results: wals.quick: gow* / epoch -->",
        "| job | measured | ours | beside | times as good | quality |",
        "|---|---|---|---|---|---|",
        "| gowalla epoch | epoch | 0.05 s | 0.4 s, implicit | 8 | loss 1 \\| 2 |",
        "",
        "*`./dev bench wals --quick` on 2026-01-02, commit abc1234, some processor, 2 cores; "
        "a quick run, of smaller jobs*",
        "<!-- end -->",
        "after",
    ]
    assert rendered(made, tmp_path) == made


@pytest.mark.parametrize(
    ("block", "problem"),
    [("wals.quick: typo*", LookupError), ("never", FileNotFoundError)],
)
def test_a_block_that_means_nothing_is_an_error(
    block: str, problem: type[Exception], tmp_path: Path
) -> None:
    save(RUN, tmp_path)
    with pytest.raises(problem):
        rendered(f"<!-- results: {block} -->\n<!-- end -->\n", tmp_path)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "results").glob("*.json")), ids=str)
def test_every_saved_run_says_where_it_is_from(path: Path) -> None:
    """A figure without machine, commit and date cannot be placed later."""
    run = load(path.stem, path.parent)
    assert run.machine
    assert run.commit not in {"", "unknown"}
    assert run.date[:2] == "20"
    assert run.rows
    assert {row.bench for row in run.rows} == {run.bench}
