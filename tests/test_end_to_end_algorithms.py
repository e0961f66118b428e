"""Every algorithm over a real socket: trained, measured, asked and evaluated as users do it."""

import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.client import (
    DataSource,
    FailedPrecondition,
    InteractionSource,
    InvalidArgument,
    Neighbours,
    Popularity,
    Query,
    Ratings,
    Shortlist,
    Svd,
    TrainingFailed,
    Wals,
)
from shortlist.client.algorithms import Algorithm
from tests.served import Served, start_server, stop_server

TASTES = 4
COUNTRIES = ("at", "br", "ch", "de")
ALGORITHMS: dict[str, Algorithm] = {
    "wals": Wals(dim=8, epochs=4, value_transform="linear"),
    "svd": Svd(dim=8),
    "ratings": Ratings(dim=4, epochs=8, regularization=0.1, bias_regularization=0.1),
    "adam": Ratings(dim=4, epochs=150, solver="adam", mean="item", regularization=0.1),
    "item-neighbours": Neighbours(weighting="bm25", count=20),
    "user-neighbours": Neighbours(kind="user", count=20),
}
WITH_VECTORS = ("wals", "svd", "ratings", "adam")


def opinions(seed: int) -> pa.Table:
    """Users give 5 to most items whose number agrees with theirs modulo 4, and 1 to some others."""
    rng = np.random.default_rng(seed)
    users = rng.integers(160, size=5000)
    liked = rng.random(len(users)) < 0.8
    shift = np.where(liked, 0, rng.integers(1, TASTES, len(users)))
    items = rng.integers(16, size=len(users)) * TASTES + (users + shift) % TASTES
    return pa.table(
        {
            "user": [f"u{user:03d}" for user in users],
            "item": [f"i{item:03d}" for item in items],
            "rating": np.where(liked, 5.0, 1.0),
            "country": [COUNTRIES[user % TASTES] for user in users],
        }
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with one model an algorithm, each in a catalog named after it."""
    folder = tmp_path_factory.mktemp("algorithms")
    pq.write_table(opinions(0), folder / "events.parquet")
    pq.write_table(opinions(1), folder / "test.parquet")
    events = InteractionSource(DataSource(str(folder / "events.parquet")), segment_column="country")
    server = start_server(folder)
    try:
        with Shortlist(server.target) as shortlist:
            asked = {**ALGORITHMS, "popularity": Popularity()}
            jobs = [
                shortlist.start_training(events, algorithm=algorithm, catalog=name)
                for name, algorithm in asked.items()
            ]
            for job in jobs:
                *_, last = shortlist.watch(job.job_id)
                assert last.state == "succeeded", last.failure
        yield server
    finally:
        assert stop_server(server) == 0


def tastes(item_ids: list[str]) -> set[int]:
    return {int(item[1:]) % TASTES for item in item_ids}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_users_histories_and_items_get_their_taste(served: Served, name: str) -> None:
    with Shortlist(served.target, catalog=name) as shortlist:
        known = shortlist.retrieve(user="u002", count=5, include_seen=True)
        fresh = shortlist.retrieve(history=[("i001", 5), ("i005", 5), ("i009", 5)], count=5)
        related = shortlist.retrieve(items=["i003"], count=5)
    assert (known.origin, tastes(known.item_ids)) == ("stored", {2})
    assert (fresh.origin, tastes(fresh.item_ids)) == ("folded_in", {1})
    assert (related.origin, tastes(related.item_ids)) == ("items", {3})


@pytest.mark.parametrize("name", [*ALGORITHMS, "popularity"])
def test_a_stranger_gets_what_is_popular_in_their_country(served: Served, name: str) -> None:
    with Shortlist(served.target, catalog=name) as shortlist:
        found = shortlist.retrieve(segment="br", count=5)
        everywhere = shortlist.retrieve(user="nobody", count=64)
    assert (found.origin, tastes(found.item_ids)) == ("popularity", {1})
    assert (everywhere.origin, len(everywhere)) == ("popularity", 64)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_vectors_are_given_or_refused(served: Served, name: str) -> None:
    """Retrieving a vector equals retrieving its user; a model without vectors says so."""
    with Shortlist(served.target, catalog=name) as shortlist:
        if name not in WITH_VECTORS:
            for ask in (
                lambda: shortlist.embed(users=["u005"]),
                lambda: shortlist.retrieve(embedding=[1.0, 2.0]),
            ):
                with pytest.raises(FailedPrecondition) as refusal:
                    ask()
                assert refusal.value.reason == "QUERY_KIND_UNSUPPORTED"
            return
        vector = shortlist.embed(users=["u005"]).vectors[0]
        direct = shortlist.retrieve(user="u005", include_seen=True, count=30)
        embedded = shortlist.retrieve(embedding=vector, count=30)
    assert direct.item_ids == embedded.item_ids


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_published_model_is_measured_on_new_events(served: Served, name: str) -> None:
    with Shortlist(served.target, catalog=name) as shortlist:
        evaluation = shortlist.evaluate(str(served.folder / "test.parquet"), cutoffs=[10])
    method = type(ALGORITHMS[name]).__name__.lower()
    found = {
        (one.method, metric.name): metric.mean
        for one in evaluation.rankings
        for metric in one.metrics
    }
    assert found[method, "recall"] > 1.5 * found["popularity", "recall"]
    assert ((method, "rmse") in found) == (method == "ratings")
    if method == "ratings":
        assert found[method, "mae"] <= found[method, "rmse"] < 1.2


def test_a_training_that_diverges_says_what_helps(served: Served) -> None:
    ratings = [1e30, -1e30, 2e30, 1.0]
    table = pa.table({"user": list("aabb"), "item": list("xyxy"), "rating": ratings})
    pq.write_table(table, served.folder / "huge.parquet")
    huge = str(served.folder / "huge.parquet")
    with (
        Shortlist(served.target, catalog="huge") as shortlist,
        pytest.raises(TrainingFailed, match="smaller values") as failure,
    ):
        shortlist.train(huge, algorithm=Ratings(), progress=False)
    assert failure.value.reason == "TRAINING_DIVERGED"


def test_a_bad_setting_is_named_with_its_range(served: Served) -> None:
    events = str(served.folder / "events.parquet")
    with (
        Shortlist(served.target) as shortlist,
        pytest.raises(InvalidArgument, match=r"neighbours\.count.*1 to 10000"),
    ):
        shortlist.start_training(events, algorithm=Neighbours(count=-1))


def command_line(served: Served, *arguments: str) -> str:
    program = [sys.executable, "-m", "shortlist.client.cli.main", "--target", served.target]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_users_are_known_by_their_features_before_they_do_anything(served: Served) -> None:
    """Those of the users' table by their id, others by what the query says of them."""
    ids = [f"u{user:03d}" for user in range(200)]  # the last 40 have no event
    clubs = [f"club {user % TASTES}" for user in range(200)]
    pq.write_table(pa.table({"id": ids, "club": clubs}), served.folder / "users.parquet")
    events = InteractionSource(DataSource(str(served.folder / "events.parquet")))
    wals = Wals(dim=8, epochs=4, value_transform="linear", user_features=["club"])
    with Shortlist(served.target, catalog="clubs") as shortlist:
        users = str(served.folder / "users.parquet")
        shortlist.train(events, algorithm=wals, users=users, progress=False)
        listed = shortlist.retrieve(user="u199", count=5)
        stranger = shortlist.retrieve(features={"club": "club 1"}, count=5)
        mixed = shortlist.retrieve(history=["i002", "i006"], features={"club": "club 2"}, count=5)
        alike = shortlist.similar_users(features={"club": "club 3"}, count=5)
        vectors = shortlist.embed([Query(features={"club": "club 0"})])
        with pytest.raises(InvalidArgument, match="no feature of the users; those are club"):
            shortlist.retrieve(features={"height": 180})
    assert (listed.origin, tastes(listed.item_ids)) == ("features", {3})
    assert (stranger.origin, tastes(stranger.item_ids)) == ("features", {1})
    assert (mixed.origin, tastes(mixed.item_ids)) == ("folded_in", {2})
    assert (alike.origin, tastes(alike.user_ids)) == ("features", {3})
    assert (vectors.origins, vectors.vectors.shape) == (["features"], (1, 8))
    asked = ["--json", "--catalog", "clubs", "retrieve", "--features", "club=club 1"]
    assert json.loads(command_line(served, *asked, "--count", "5"))["item_ids"] == stranger.item_ids


def test_the_command_line_trains_and_asks(served: Served) -> None:
    def shortlist(*arguments: str) -> str:
        return command_line(served, *arguments)

    where = ["--interactions", str(served.folder / "events.parquet")]
    where += ["--segment-column", "country", "--alias", "shell", "--model-id", "near"]
    settings = ["--algorithm", "neighbours", "--kind", "user", "--weighting", "tfidf"]
    printed = shortlist("train", *where, *settings, "--count", "30")
    assert "popularity_by_segment" in printed
    asked = ["--json", "retrieve", "--model", "shell", "--count", "5"]
    assert tastes(json.loads(shortlist(*asked, "--segment", "ch"))["item_ids"]) == {2}
    known = shortlist(*asked, "--user", "u003", "--include-seen")
    assert tastes(json.loads(known)["item_ids"]) == {3}
