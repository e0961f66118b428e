"""Every algorithm through the same door: trained, measured, published, served."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from shortlist.core.counts.params import NeighboursParams, PopularityParams
from shortlist.core.distillation.params import DistilledParams
from shortlist.core.linear.svd_params import SvdParams
from shortlist.core.ratings.params import RatingParams
from shortlist.core.sgd.params import SgdParams
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.manifest import Manifest
from shortlist.server.domain.algorithms import ALGORITHMS, Params, algorithm_of
from shortlist.server.domain.query import (
    EmbeddingQuery,
    ItemsQuery,
    Origin,
    RetrieveQuery,
    UserQuery,
)
from shortlist.server.domain.training import Preparation
from shortlist.server.encoders.encoder import Askers
from shortlist.server.errors import FieldInvalid, QueryKindUnsupported
from shortlist.server.retrieval.batch import retrieve_each
from shortlist.server.retrieval.retrieve import embed, retrieve
from shortlist.server.serving.serving_model import ServingModel, load_serving_model
from tests.server.small_contents import small_spec
from tests.server.training.test_training import train

USERS, ITEMS, TASTES = 120, 48, 4
PERSONAL: list[Params] = [
    WalsParams(dim=4, epochs=6, value_transform="linear", regularization=0.05),
    SvdParams(dim=8),
    RatingParams(dim=4, epochs=8, regularization=0.1, bias_regularization=0.1),
    DistilledParams(
        dim=8, epochs=10, teacher_dim=16, target_count=8, learning_rate=0.02, regularization=0.05
    ),
    SgdParams(dim=16, epochs=15, negative_count=16, batch_size=256, temperature=0.3),
]
NEAR: list[Params] = [
    NeighboursParams(kind=kind, weighting=weighting, count=20)
    for kind in ("item", "user")
    for weighting in ("cosine", "tfidf", "bm25")
]
EVERY: list[Params] = [*PERSONAL, NEAR[0], NEAR[-1], PopularityParams()]


def name_of(params: Params) -> str:
    kinds = [params.kind, params.weighting] if isinstance(params, NeighboursParams) else []
    return "-".join([algorithm_of(params).name, *kinds])


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users give 5 to items whose number agrees with theirs modulo 4, 1 to a few others."""
    rng = np.random.default_rng(3)
    users = rng.integers(USERS, size=4000)
    liked = rng.random(len(users)) < 0.8
    shift = np.where(liked, 0, rng.integers(1, TASTES, len(users)))
    items = rng.integers(ITEMS // TASTES, size=len(users)) * TASTES + (users + shift) % TASTES
    table = pa.table(
        {
            "user": [f"u{user:03d}" for user in users],
            "item": [f"i{item:03d}" for item in items],
            "rating": np.where(liked, 5.0, 1.0),
        }
    )
    path = tmp_path_factory.mktemp("ratings") / "ratings.parquet"
    parquet.write_table(table, path)
    return path


def trained(folder: Path, ratings: Path, params: Params) -> tuple[Manifest, ServingModel]:
    preparation = Preparation(aggregation=algorithm_of(params).aggregation)
    spec = small_spec(ratings, algorithm=params, preparation=preparation)
    manifest = train(folder, spec)
    return manifest, load_serving_model(Catalogs(folder).catalog("default").model_path("m1"))


def taste(item_id: str) -> int:
    return int(item_id[1:]) % TASTES


def test_every_algorithm_is_listed_here() -> None:
    assert {algorithm_of(params).name for params in EVERY} == set(ALGORITHMS)


@pytest.mark.parametrize("params", [*PERSONAL, *NEAR], ids=name_of)
def test_known_users_and_new_histories_get_their_taste(
    tmp_path: Path, ratings: Path, params: Params
) -> None:
    manifest, model = trained(tmp_path, ratings, params)
    assert manifest.algorithm == algorithm_of(params).name
    known = retrieve(model, RetrieveQuery(UserQuery("u042"), count=5, include_seen=True))
    assert known.origin is Origin.STORED
    assert {taste(item) for item in known.item_ids} == {2}
    query = UserQuery("", ("i001", "i005", "i009"), (5.0, 5.0, 4.0))
    fresh = retrieve(model, RetrieveQuery(query, count=5))
    assert fresh.origin is Origin.FOLDED_IN
    assert {taste(item) for item in fresh.item_ids} == {1}
    related = retrieve(model, RetrieveQuery(ItemsQuery(("i003",)), count=5))
    assert {taste(item) for item in related.item_ids} == {3}


@pytest.mark.parametrize("params", EVERY, ids=name_of)
def test_every_algorithm_is_measured_beside_popularity(
    tmp_path: Path, ratings: Path, params: Params
) -> None:
    evaluation = trained(tmp_path, ratings, params)[0].evaluation
    assert evaluation is not None
    found = {(one.method, one.user_group) for one in evaluation.rankings}
    methods = {algorithm_of(params).name, "popularity"}
    assert found == {(method, group) for method in methods for group in ("known", "unseen")}


def test_a_score_of_the_ratings_model_is_the_predicted_rating(
    tmp_path: Path, ratings: Path
) -> None:
    params = PERSONAL[2]
    manifest, model = trained(tmp_path, ratings, params)
    candidates = tuple(f"i{item:03d}" for item in range(ITEMS))
    query = RetrieveQuery(UserQuery("u041"), candidate_item_ids=candidates, include_seen=True)
    answer = retrieve(model, query)
    scores = dict(zip(answer.item_ids, answer.scores, strict=True))
    for item, score in scores.items():
        assert score == pytest.approx(5.0 if taste(item) == 1 else 1.0, abs=1.2)
    assert manifest.evaluation is not None
    errors = {
        (one.method, one.user_group): {m.name: m.mean for m in one.metrics if m.cutoff == 0}
        for one in manifest.evaluation.rankings
    }
    for group in ("known", "unseen"):
        assert set(errors["ratings", group]) == {"rmse", "mae"}
        assert 0 < errors["ratings", group]["mae"] <= errors["ratings", group]["rmse"] < 0.8
        assert errors["popularity", group] == {}


@pytest.mark.parametrize("params", PERSONAL[1:3], ids=name_of)
def test_a_history_too_large_to_fold_in_is_named(
    tmp_path: Path, ratings: Path, params: Params
) -> None:
    model = trained(tmp_path, ratings, params)[1]
    query = UserQuery("", ("i001",), (1e38,))
    for ask in (lambda: embed(model, [query]), lambda: retrieve(model, RetrieveQuery(query))):
        with pytest.raises(FieldInvalid, match="too large") as failure:
            ask()
        assert failure.value.field in ("queries[0].user.history", "query.user.history")


@pytest.mark.parametrize("binary", [False, True])
def test_svd_folds_a_training_row_in_where_it_lies(
    tmp_path: Path, ratings: Path, binary: bool
) -> None:
    model = trained(tmp_path, ratings, SvdParams(dim=8, power_iterations=20, binary=binary))[1]
    assert model.space is not None
    found = model.space.encoder.encode(Askers(model.seen))
    np.testing.assert_allclose(found, model.space.user_vectors, atol=0.02)


@pytest.mark.parametrize("params", [NEAR[0], NEAR[-1]], ids=name_of)
def test_a_model_without_vectors_says_so(tmp_path: Path, ratings: Path, params: Params) -> None:
    model = trained(tmp_path, ratings, params)[1]
    vector = EmbeddingQuery(np.ones(4, np.float32))
    with pytest.raises(QueryKindUnsupported, match="no vectors"):
        retrieve(model, RetrieveQuery(vector))
    with pytest.raises(QueryKindUnsupported, match="embeds nothing"):
        embed(model, [UserQuery("u001")])


@pytest.mark.parametrize("params", [NEAR[0], NEAR[-1]], ids=name_of)
def test_scored_items_obey_what_the_request_restricts(
    tmp_path: Path, ratings: Path, params: Params
) -> None:
    """All eligible items come back, none that was seen, excluded or not asked about."""
    model = trained(tmp_path, ratings, params)[1]
    seen = set(model.items.ids(model.seen.row(model.users.row("u001") or 0)[0]))
    every = set(model.items.ids(np.arange(model.item_count, dtype=np.int32)))
    whole = retrieve(model, RetrieveQuery(UserQuery("u001"), exclude_item_ids=("i000",)))
    assert sorted(whole.item_ids) == sorted(every - seen - {"i000"})
    assert whole.scores == sorted(whole.scores, reverse=True)
    asked = RetrieveQuery(UserQuery("u001"), candidate_item_ids=("i000", "i004", "nobody"))
    some = retrieve(model, asked)
    assert set(some.item_ids) == {"i000", "i004"} - seen
    assert some.missing_ids == ["nobody"]
    nobody = retrieve(model, RetrieveQuery(UserQuery("nobody"), count=3))
    assert nobody.origin is Origin.POPULARITY
    fused = retrieve_each(lambda *_: model, [RetrieveQuery(UserQuery("u001"), count=4)])
    assert fused == [retrieve(model, RetrieveQuery(UserQuery("u001"), count=4))]


def test_unlike_items_are_pushed_away(tmp_path: Path, ratings: Path) -> None:
    model = trained(tmp_path, ratings, NEAR[0])[1]
    query = RetrieveQuery(ItemsQuery(("i001",), ("i002",)), count=100)
    found = retrieve(model, query)
    scores = dict(zip(found.item_ids, found.scores, strict=True))
    assert np.mean([scores[i] for i in scores if taste(i) == 2]) < 0
    assert np.mean([scores[i] for i in scores if taste(i) == 1]) > 0
