"""Segments of users from the file to the answer: what is popular where a stranger comes from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from shortlist.core.counts.params import PopularityParams
from shortlist.core.counts.segments import SEGMENTS_MAX
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.algorithms import Params
from shortlist.server.domain.query import Candidates, Origin, RetrieveQuery, UserQuery
from shortlist.server.domain.sources import EventColumns, EventSource
from shortlist.server.errors import DataSourceInvalid
from shortlist.server.reading import read_events
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.serving_model import ServingModel, load_serving_model
from tests.server.small_contents import small_spec
from tests.server.training.test_training import train

COUNTRIES = ("at", "br", "ch")
ITEMS = 30


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users of a country like items whose number agrees with its place modulo 3; u000 has none."""
    rng = np.random.default_rng(1)
    users = rng.integers(120, size=3000)
    items = rng.integers(ITEMS // 3, size=len(users)) * 3 + users % 3
    travels = rng.random(len(users)) < 0.2
    countries = (users + np.where(travels, 1, 0)) % 3
    table = pa.table(
        {
            "user": [f"u{user:03d}" for user in users],
            "item": [f"i{item:02d}" for item in items],
            "country": [
                None if user == 0 else COUNTRIES[country]
                for user, country in zip(users, countries, strict=True)
            ],
            "timestamp": pa.array(rng.integers(0, 10**9, len(users)), pa.timestamp("ms")),
        }
    )
    path = tmp_path_factory.mktemp("segments") / "events.parquet"
    parquet.write_table(table, path)
    return path


def source(path: Path) -> EventSource:
    return EventSource(str(path), columns=EventColumns(segment="country"))


def trained(folder: Path, events: Path, params: Params) -> tuple[Manifest, ServingModel]:
    spec = small_spec(events, algorithm=params, interactions=source(events))
    manifest = train(folder, spec)
    return manifest, load_serving_model(Catalogs(folder).catalog("default").model_path("m1"))


def kinds(found: Candidates) -> set[int]:
    return {int(item[1:]) % 3 for item in found.item_ids}


def ask(model: ServingModel, user: UserQuery, count: int = 6) -> Candidates:
    return retrieve(model, RetrieveQuery(user, count=count, include_seen=True))


@pytest.mark.parametrize(
    "params",
    [PopularityParams(), PopularityParams(half_life_days=3), WalsParams(dim=4, epochs=2)],
    ids=["counts", "decayed", "wals"],
)
def test_a_stranger_gets_what_is_popular_in_their_country(
    tmp_path: Path, events: Path, params: Params
) -> None:
    model = trained(tmp_path, events, params)[1]
    for place, country in enumerate(COUNTRIES):
        for query in (UserQuery(segment=country), UserQuery("nobody", segment=country)):
            found = ask(model, query)
            assert found.origin is Origin.POPULARITY
            assert kinds(found) == {place}
            assert country not in found.missing_ids
    everybody = ask(model, UserQuery("nobody"), ITEMS)
    nowhere = ask(model, UserQuery("nobody", segment="zz"), ITEMS)
    assert nowhere.missing_ids == ["nobody", "zz"]
    assert nowhere.item_ids == everybody.item_ids
    assert len(ask(model, UserQuery(segment="ch"), ITEMS).item_ids) == ITEMS


def test_a_popularity_model_knows_where_its_users_belong(tmp_path: Path, events: Path) -> None:
    """A segment named with the query wins; a user of whom no segment is known gets everybody's."""
    model = trained(tmp_path, events, PopularityParams())[1]
    assert kinds(ask(model, UserQuery("u004"))) == {1}
    assert kinds(ask(model, UserQuery("u004", segment="ch"))) == {2}
    assert ask(model, UserQuery("u000")).item_ids == ask(model, UserQuery("nobody")).item_ids
    entries = [RetrieveQuery(UserQuery("u004"), count=4), RetrieveQuery(UserQuery(segment="ch"))]
    assert retrieve_each(lambda *_: model, entries) == [retrieve(model, one) for one in entries]


def test_popularity_by_segment_is_measured_beside_popularity(tmp_path: Path, events: Path) -> None:
    evaluation = trained(tmp_path, events, WalsParams(dim=4, epochs=2))[0].evaluation
    assert evaluation is not None
    recall = {
        (one.method, one.user_group): metric.mean
        for one in evaluation.rankings
        for metric in one.metrics
        if (metric.name, metric.cutoff) == ("recall", 5)
    }
    for group in ("known", "unseen"):
        assert recall["popularity_by_segment", group] > 1.5 * recall["popularity", group]


def test_the_segment_of_a_user_is_read_whatever_the_format(tmp_path: Path, events: Path) -> None:
    """Integers become their decimal text; a user without a segment has none."""
    table = parquet.read_table(events)
    numbers = {"at": 1, "br": 2, "ch": 3, None: None}
    coded = [numbers[country] for country in table["country"].to_pylist()]
    place = table.column_names.index("country")
    numbered = tmp_path / "events.parquet"
    parquet.write_table(table.set_column(place, "country", pa.array(coded)), numbered)
    named, counted = (read_events(source(path)).segments for path in (events, numbered))
    assert named is not None
    assert counted is not None
    assert named.ids.ids(np.arange(3, dtype=np.int32)) == list(COUNTRIES)
    assert counted.ids.ids(np.arange(3, dtype=np.int32)) == ["1", "2", "3"]
    for found in (named, counted):
        assert not len(found.users.row(0)[0])
        assert [int(found.users.row(user)[0][0]) for user in range(1, 10)] == [1, 2, 0] * 3


def test_a_segment_column_that_cannot_be_one_is_refused(tmp_path: Path, events: Path) -> None:
    with pytest.raises(DataSourceInvalid, match="the columns are user, item, country, timestamp"):
        read_events(replace(source(events), columns=EventColumns(segment="land")))
    many = tmp_path / "many.parquet"
    ids = [str(row) for row in range(SEGMENTS_MAX + 1)]
    parquet.write_table(pa.table({"user": ids, "item": ids, "country": ids}), many)
    with pytest.raises(DataSourceInvalid, match="10001 segments, not 1 to 10000"):
        read_events(source(many))
