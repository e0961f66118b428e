"""What a training does with the index that was asked for."""

from pathlib import Path

import pytest

from shortlist.core.sgd.params import SgdParams
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.index import GraphOptions, IndexSpec
from shortlist.server.training.pipeline import run_training
from tests.server.small_contents import small_spec, write_events


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_events(tmp_path_factory.mktemp("events") / "events.parquet")


def train(folder: Path, events: Path, **changes: object) -> Manifest:
    return run_training(
        small_spec(events, **changes),
        Catalogs(folder),
        threads=2,
        report=lambda *_, **__: None,
        cancelled=lambda: False,
    )


def why_no_graph(manifest: Manifest) -> str:
    (found,) = {one.skipped for one in manifest.index.trials if one.method == "usearch"}
    return found


def test_the_graph_asked_for_is_published_with_its_options(tmp_path: Path, events: Path) -> None:
    asked = IndexSpec("usearch", GraphOptions(connectivity=16, dtype="i8", parallel_build=True))
    manifest = train(tmp_path, events, index=asked)
    assert "index.usearch" in manifest.files
    report = manifest.index
    assert (report.kind, report.chosen, report.asked) == ("usearch", "usearch", True)
    assert (report.connectivity, report.dtype, report.build_threads) == (16, "i8", 2)


def test_a_graph_repeats_to_the_bit_unless_all_threads_build_it(
    tmp_path: Path, events: Path
) -> None:
    asked = IndexSpec("usearch", GraphOptions())
    found = [train(tmp_path / name, events, index=asked) for name in ("one", "two")]
    assert found[0].files["index.usearch"] == found[1].files["index.usearch"]
    assert [one.index.build_threads for one in found] == [1, 1]


def test_auto_tries_a_graph_of_cosines_within_its_share_of_the_time(
    tmp_path: Path, events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is built in that time is up to the clock; that it is tried is not."""
    monkeypatch.setattr("shortlist.server.index.choice.GAIN_MIN_US", 1e9)  # nothing is slow
    cosines = train(tmp_path / "sgd", events, algorithm=SgdParams(dim=8, epochs=2))
    tried = why_no_graph(cosines)
    assert not tried or "of the training's time" in tried
    others = train(tmp_path / "wals", events)
    assert why_no_graph(others) == "lists find enough in less than 1e+09 us"
