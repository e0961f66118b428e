"""The whole way over real sockets, the server as operators start it, the client as users do."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.client import (
    Diversity,
    Evaluation,
    Freshness,
    GeoBox,
    GeoRadius,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Popularity,
    Shortlist,
    TimeWindow,
    TrainingFailed,
    Wals,
)
from tests.served import (
    TASTES,
    Served,
    checkerboard,
    command_line,
    places_and_times,
    start_server,
    stop_server,
)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with one trained model "first" behind the alias "live"."""
    folder = tmp_path_factory.mktemp("served")
    pq.write_table(checkerboard(), folder / "events.parquet")
    pq.write_table(places_and_times(), folder / "items.parquet")
    server = start_server(folder)
    try:
        with Shortlist(server.target) as shortlist:
            shortlist.train(
                interactions=str(folder / "events.parquet"),
                items=str(folder / "items.parquet"),
                algorithm=Wals(dim=16, epochs=8),
                model_id="first",
                progress=False,
            )
        yield server
    finally:
        assert stop_server(server) == 0, "a drained server exits with 0"


def test_a_known_user_gets_unseen_items_of_their_taste(served: Served) -> None:
    """The smallest use: id in, candidates out, nothing already seen among them."""
    events = checkerboard()
    seen = {
        i
        for u, i in zip(
            *(events.column(c).to_pylist() for c in ("user_id", "item_id")), strict=True
        )
        if u == "u001"
    }
    with Shortlist(served.target) as shortlist:
        candidates = shortlist.retrieve(user="u001", count=80)
        everything = shortlist.retrieve(user="u001", count=80, include_seen=True)
    assert candidates.model == "first"
    assert candidates.origin == "stored"
    assert not seen & set(candidates.item_ids)
    assert len(candidates.item_ids) == 80 - len(seen)
    assert [int(i[1:]) % TASTES for i in everything.item_ids[:20]] == [1] * 20


def test_a_history_sent_with_the_request_is_enough(served: Served) -> None:
    """An anonymous visitor gets the taste of the items they looked at; unknown ids are named."""
    with Shortlist(served.target) as shortlist:
        candidates = shortlist.retrieve(history=["i002", "i006", "never-seen"], count=10)
    assert candidates.origin == "folded_in"
    assert candidates.missing_ids == ["never-seen"]
    assert {int(i[1:]) % TASTES for i in candidates.item_ids} == {2}
    assert not {"i002", "i006"} & set(candidates.item_ids)


def test_related_items_share_the_taste(served: Served) -> None:
    with Shortlist(served.target) as shortlist:
        candidates = shortlist.retrieve(items=["i003"], count=10)
    assert candidates.origin == "items"
    assert {int(i[1:]) % TASTES for i in candidates.item_ids} == {3}


def test_a_request_says_where_and_when(served: Served) -> None:
    """City, radius, box and window each leave what they should; the reply counts it."""
    everything: dict[str, Any] = {"user": "u001", "count": 1000, "include_seen": True}
    with Shortlist(served.target) as shortlist:
        rome = shortlist.retrieve(**everything, filter='city = "Rome"')
        near = shortlist.retrieve(**everything, within=GeoRadius(42, 12, 200_000))
        assert near.item_ids == rome.item_ids
        assert near.search.eligible_items == len(near.item_ids) == 40
        assert {int(item[1:]) // TASTES % 2 for item in rome.item_ids} == {1}
        suva = shortlist.retrieve(**everything, box=GeoBox(-20, 170, -10, -170))
        assert len(suva.item_ids) == 40
        assert set(suva.item_ids).isdisjoint(rome.item_ids)
        week = shortlist.retrieve(**everything, window=TimeWindow(age_max=timedelta(days=7)))
        assert sorted(week.item_ids) == [f"i{item:03d}" for item in range(7)]
        new = shortlist.retrieve(
            user="u001", count=5, include_seen=True, freshness=Freshness(timedelta(days=2))
        )
        assert new.item_ids[0] == "i001"
        with pytest.raises(InvalidArgument, match="known are city, lat, lon, published"):
            shortlist.retrieve(user="u001", filter="town = Rome")


def test_retrieving_an_embedding_equals_retrieving_its_query(served: Served) -> None:
    """What Embed returns is what Retrieve used."""
    with Shortlist(served.target) as shortlist:
        vector = shortlist.embed(users=["u005"]).vectors[0]
        direct = shortlist.retrieve(user="u005", include_seen=True, count=30)
        embedded = shortlist.retrieve(embedding=vector, count=30)
    assert direct.item_ids == embedded.item_ids
    np.testing.assert_array_equal(direct.scores, embedded.scores)


def test_the_model_carries_its_evaluation_beside_popularity(served: Served) -> None:
    with Shortlist(served.target) as shortlist:
        evaluation = shortlist.model().evaluation
    assert isinstance(evaluation, Evaluation)
    assert evaluation.split == "temporal"
    recall = {
        (r.method, r.user_group): m.mean
        for r in evaluation.rankings
        for m in r.metrics
        if (m.name, m.cutoff) == ("recall", 10)
    }
    for group in ("known", "unseen"):
        assert recall["wals", group] > 1.5 * recall["popularity", group]


def test_training_replaces_what_serves_and_rolls_back(served: Served) -> None:
    """A second training serves at once; the alias brings the first one back."""
    events = str(served.folder / "events.parquet")
    with Shortlist(served.target) as shortlist:
        shortlist.train(
            interactions=events, algorithm=Popularity(), model_id="second", progress=False
        )
        assert shortlist.retrieve(user="u001").model == "second"
        shortlist.set_alias("live", "first")
        assert shortlist.retrieve(user="u001").model == "first"
        assert shortlist.retrieve(user="nobody", model="second").origin == "popularity"
        shortlist.delete_model("second")
        with pytest.raises(NotFound):
            shortlist.model("second")


def test_a_failed_training_says_where_and_changes_nothing(served: Served) -> None:
    """A bad value names file, column and row, and the old model serves on."""
    table = pa.table({"user_id": ["a", "b"], "item_id": ["x", "y"], "rating": [1.0, float("nan")]})
    pq.write_table(table, served.folder / "bad.parquet")
    with Shortlist(served.target) as shortlist:
        with pytest.raises(TrainingFailed) as failure:
            shortlist.train(interactions=str(served.folder / "bad.parquet"), progress=False)
        assert failure.value.reason == "DATA_INVALID"
        assert failure.value.metadata["column"] == "rating"
        assert failure.value.metadata["row"] == "2"
        assert "bad.parquet" in failure.value.metadata["file"]
        assert shortlist.retrieve(user="u001").model == "first"


def test_a_path_outside_the_data_roots_is_refused(served: Served) -> None:
    with Shortlist(served.target) as shortlist, pytest.raises(PermissionDenied) as refusal:
        shortlist.train(interactions="/etc/passwd", progress=False)
    assert refusal.value.reason == "PATH_NOT_ALLOWED"


def test_new_items_come_by_their_features_before_anybody_has_them(served: Served) -> None:
    """Trained by client or command line; a column that is not there is an error at once."""
    every = [f"i{item:03d}" for item in range(80 + TASTES)]  # the last ones have no event
    tastes = [f"taste {int(item[1:]) % TASTES}" for item in every]
    items = str(served.folder / "new_items.parquet")
    pq.write_table(pa.table({"item_id": every, "taste": tastes}), items)
    events = str(served.folder / "events.parquet")
    with Shortlist(served.target) as shortlist:
        with pytest.raises(InvalidArgument, match=r"wals\.item_features") as caught:
            shortlist.train(
                catalog="new",
                interactions=events,
                items=items,
                algorithm=Wals(item_features=["colour"]),
            )
        assert "taste" in str(caught.value)
        algorithm = Wals(dim=16, epochs=8, item_features=["taste"])
        shortlist.train(
            catalog="new", interactions=events, items=items, algorithm=algorithm, progress=False
        )
        found = shortlist.retrieve(catalog="new", user="u001", count=1, candidates=every[80:])
        assert found.item_ids == ["i081"]
    command = [sys.executable, "-m", "shortlist.client.cli.main", "--target", served.target]
    command += ["--json", "train", "--interactions", events, "--items", items, "--keep-aliases"]
    command += ["--item-features", "taste", "--feature-regularization", "2", "--epochs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["item_count"] == len(every)


def test_candidates_explain_themselves_and_differ_as_asked(served: Served) -> None:
    """Users of one taste: what they did explains what they get, and users alike share it."""
    with Shortlist(served.target) as shortlist:
        limit = Diversity("city", 2)
        found = shortlist.retrieve(user="u001", count=4, explain=True, diversity=limit)
        assert len(found) == len(found.reasons) == 4
        for (_, score), reason in zip(found, found.reasons, strict=True):
            total = sum(amount for _, amount in reason.contributions) + reason.remainder
            assert total == pytest.approx(score, abs=1e-5)
            assert {int(item[1:]) % TASTES for item, _ in reason.contributions} == {1}
        cities = [int(item[1:]) // TASTES % 2 for item in found.item_ids]
        assert sorted(cities) == [0, 0, 1, 1]

        broad = [f"i{item:03d}" for item in (0, 4, 8, 2, 6, 10)]
        merged = shortlist.retrieve(history=broad, count=10, interests=2, popularity_damping=0.5)
        tastes = [int(item[1:]) % TASTES for item in merged.item_ids]
        medoids = [int(one.medoid_item_id[1:]) % TASTES for one in merged.interests]
        assert tastes == [medoids[interest] for interest in merged.interest_of]
        assert sorted(tastes) == [0] * 5 + [2] * 5

        alike = shortlist.similar_users("u001", count=20)
        assert {int(user[1:]) % TASTES for user in alike.user_ids} == {1}


def test_a_client_that_is_not_python_gets_candidates(served: Served) -> None:
    """The contract is the product: Node.js loads the .proto files and calls."""
    modules = ROOT / ".dev" / "node_client" / "node_modules"
    if not shutil.which("node") or not modules.is_dir():
        pytest.skip(
            "Node.js or its grpc packages are missing (./dev test fetches them where npm is there)"
        )
    command = [
        "node",
        str(ROOT / "tests" / "node" / "retrieve.js"),
        str(ROOT / "proto"),
        served.target,
        "u001",
    ]
    environment = {**os.environ, "NODE_PATH": str(modules)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    reply = json.loads(done.stdout)
    assert reply["model"] == "first"
    assert reply["origin"] == "ORIGIN_STORED"
    assert len(reply["itemIds"]) == len(reply["scores"]) == 5


def test_the_command_line_reads_like_a_page_and_parses_as_json(served: Served) -> None:
    shortlist = partial(command_line, served)
    assert "i" in shortlist("retrieve", "--user", "u001", "--count", "3")
    reply = json.loads(shortlist("retrieve", "--history", "i002", "i006", "--count", "3", "--json"))
    assert len(reply["item_ids"]) == 3
    assert "first" in shortlist("models", "list")
    rome = ["--filter", 'city = "Rome"', "--within", "42", "12", "90000", "--age-max", "200d"]
    fading = ["--half-life", "2d", "--freshness-weight", "0.5", "--time-attribute", "published"]
    reply = json.loads(shortlist("--json", "retrieve", "--user", "u001", *rome, *fading))
    assert {int(item[1:]) // TASTES % 2 for item in reply["item_ids"]} == {1}


def test_the_command_line_shapes_and_exports(served: Served) -> None:
    shortlist = partial(command_line, served)
    shaped = ["--max-per-value", "city=2", "--mmr", "0.2", "--popularity-damping", "0.1"]
    printed = shortlist("retrieve", "--user", "u001", "--count", "4", "--explain", *shaped)
    assert "because of" in printed.splitlines()[0]
    assert printed.count("the rest") == 4
    parts = shortlist("retrieve", "--history", "i000", "i004", "i002", "i006", "--interests", "2")
    assert "interest" in parts.splitlines()[0]
    assert "u005" in shortlist("similar-users", "--user", "u001", "--count", "60")
    written = json.loads(shortlist("--json", "export", "users", "--count", "5"))
    assert written["row_count"] == 200
    table = pq.read_table(written["path"])
    assert table.column_names == ["user_id", "item_ids", "scores"]
    assert table.num_rows == 200
