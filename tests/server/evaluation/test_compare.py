"""Two models on the same users: who is compared, on what, and which is better."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from shortlist.server.artifacts.artifact import Artifact, open_artifact
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.domain.evaluation import MetricDifference
from shortlist.server.domain.sources import EventSource
from shortlist.server.domain.training import EvaluationSpec, Preparation
from shortlist.server.evaluation.__main__ import evaluate_model
from shortlist.server.training.pipeline import run_training
from tests.server.small_contents import small_spec, write_events


def trained(folder: Path, name: str, events: Path, **changes: object) -> Artifact:
    """Return a published model of the events, not measured."""
    spec = small_spec(events, name, evaluation=EvaluationSpec("none"), **changes)
    catalogs = Catalogs(folder / "data")
    run_training(spec, catalogs, threads=1, report=lambda _: None, cancelled=lambda: False)
    return open_artifact(catalogs.catalog("default").model_path(name))


@pytest.fixture
def models(tmp_path: Path) -> tuple[Artifact, Artifact]:
    """A model of all users and items, and one of fewer users and popular items only."""
    whole = trained(tmp_path, "whole", write_events(tmp_path / "whole.parquet"))
    part = write_events(tmp_path / "part.parquet", user_count=30)
    few = trained(tmp_path, "few", part, preparation=Preparation(item_events_min=12))
    return whole, few


def compared(
    model: Artifact, baseline: Artifact, pairs: list[tuple[str, str]], folder: Path
) -> dict[tuple[str, str, int], MetricDifference]:
    path = folder / "test.parquet"
    parquet.write_table(
        pa.table({"user": [u for u, _ in pairs], "item": [i for _, i in pairs]}), path
    )
    source = EventSource(str(path))
    found = evaluate_model(model, source, (3, 10), seed=4, baseline=baseline)
    assert found.baseline_model == baseline.manifest.model_id
    return {(one.user_group, one.name, one.cutoff): one for one in found.differences}


def known_pairs(model: Artifact) -> set[tuple[str, str]]:
    users, items = (
        model.users.ids(range(len(model.users))),
        model.items.ids(range(len(model.items))),
    )
    return {
        (user, items[column])
        for row, user in enumerate(users)
        for column in model.seen.row(row)[0].tolist()
    }


def test_only_what_both_models_can_be_measured_on_counts(
    models: tuple[Artifact, Artifact], tmp_path: Path
) -> None:
    pairs = [(f"u{user}", f"i{item}") for user in range(0, 70, 7) for item in range(40)]
    found = compared(*models, pairs, tmp_path)
    had = known_pairs(models[0]) | known_pairs(models[1])
    shared = {item for _, item in known_pairs(models[0])} & {i for _, i in known_pairs(models[1])}
    left = {
        user
        for user, item in pairs
        if int(user[1:]) < 30 and item in shared and (user, item) not in had
    }
    assert found["known", "recall", 3].user_count == len(left) > 0
    assert found["unseen", "recall", 3].user_count == 1, "u63 is new to both"
    assert len(found) == 2 * 2 * 7, "groups, cut-offs, metrics with a value a user"


def test_a_comparison_reads_the_same_from_both_sides(
    models: tuple[Artifact, Artifact], tmp_path: Path
) -> None:
    pairs = [(f"u{user}", f"i{item}") for user in range(40) for item in range(20)]
    forth, back = compared(*models, pairs, tmp_path), compared(*models[::-1], pairs, tmp_path)
    assert forth.keys() == back.keys()
    for key, one in forth.items():
        other = back[key]
        assert (one.mean, one.baseline_mean) == (other.baseline_mean, other.mean)
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
        assert one.low <= one.mean - one.baseline_mean <= one.high


def test_a_model_is_no_better_than_itself(
    models: tuple[Artifact, Artifact], tmp_path: Path
) -> None:
    pairs = [(f"u{user}", f"i{item}") for user in range(40) for item in range(20)]
    for one in compared(models[0], models[0], pairs, tmp_path).values():
        assert one.mean == one.baseline_mean
        assert one.low == one.high == 0
