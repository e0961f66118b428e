"""Real data, through the server: trained and evaluated by RPC, as a user would.

Skipped, loudly, where the data is missing (SHORTLIST_DATA, or ../shared/data beside the checkout).
"""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.client import (
    Candidates,
    DataSource,
    Distilled,
    EvaluationSpec,
    InteractionSource,
    ItemSource,
    Model,
    Preparation,
    Query,
    Retrieval,
    Shortlist,
    Wals,
)
from shortlist.client.algorithms import Algorithm
from tests.served import start_server, stop_server

pytestmark = pytest.mark.real_data

# Found on Gowalla's validation part; docs/algorithms/wals.md shows what they reach.
TUNED_64 = Wals(
    dim=64,
    epochs=3,
    unobserved_weight=0.0023,
    regularization=0.0065,
    regularization_exponent=0.75,
    user_frequency_exponent=0.28,
    item_frequency_exponent=0.36,
    init_stddev=0.01,
    over_relaxation=1.0,
)
TUNED_256 = Wals(
    dim=256,
    epochs=3,
    unobserved_weight=0.0086,
    regularization=7.2e-5,
    user_frequency_exponent=0.1,
    item_frequency_exponent=0.39,
    init_stddev=0.01,
    over_relaxation=1.0,
)


@pytest.fixture(scope="module")
def shortlist(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shortlist]:
    folder = tmp_path_factory.mktemp("real")
    roots = ("--data-root", str(real_data), "--data-root", str(folder.parent))
    served = start_server(folder, *roots)
    try:
        with Shortlist(served.target, timeout_s=60) as client:
            yield client
    finally:
        stop_server(served)


def measured(model: Model, method: str, group: str, metric: str, cutoff: int) -> float:
    """Return one number of a model's evaluation."""
    assert model.evaluation is not None
    (value,) = (
        m.mean
        for r in model.evaluation.rankings
        if (r.method, r.user_group) == (method, group)
        for m in r.metrics
        if (m.name, m.cutoff) == (metric, cutoff)
    )
    return value


def train_gowalla(
    shortlist: Shortlist, real_data: Path, folder: Path, algorithm: Algorithm
) -> Model:
    """Train on train + valid, measure on test: the split that the open benchmarks use."""
    joined = folder / "train-valid"
    joined.mkdir()
    for name in ("train.txt", "valid.txt"):
        (joined / name).write_bytes((real_data / "gowalla" / name).read_bytes())
    catalog = folder.name.replace("_", "-")
    test = InteractionSource(
        DataSource(str(real_data / "gowalla" / "test.txt"), format="adjacency")
    )
    shortlist.train(
        catalog=catalog,
        interactions=InteractionSource(DataSource(str(joined), format="adjacency")),
        algorithm=algorithm,
        evaluation=EvaluationSpec(split="given", test_interactions=test, cutoffs=(20,)),
        progress=False,
    )
    return shortlist.model(catalog=catalog)


def test_gowalla_dim_64_reaches_its_quality(
    shortlist: Shortlist, real_data: Path, tmp_path: Path
) -> None:
    """A tuned irspack reaches Recall@20 .149 and NDCG@20 .126."""
    model = train_gowalla(shortlist, real_data, tmp_path, TUNED_64)
    assert measured(model, "wals", "known", "recall", 20) >= 0.163
    assert measured(model, "wals", "known", "ndcg", 20) >= 0.139
    assert model.index is not None
    assert model.index.recall_at_100 >= 0.98, "the default index finds what exact search finds"


def test_gowalla_dim_256_reaches_its_quality(
    shortlist: Shortlist, real_data: Path, tmp_path: Path
) -> None:
    model = train_gowalla(shortlist, real_data, tmp_path, TUNED_256)
    assert measured(model, "wals", "known", "recall", 20) >= 0.178
    assert measured(model, "wals", "known", "ndcg", 20) >= 0.149


def test_short_vectors_learn_the_rankings_of_long_ones(
    shortlist: Shortlist, real_data: Path, tmp_path: Path
) -> None:
    """Dim 64 taught by dim 256 finds what dim 256 alone finds; a history is a user."""
    taught = Distilled(
        epochs=4,
        target_count=100,
        teacher_dim=256,
        teacher_epochs=3,
        over_relaxation=1.0,
        init_stddev=0.01,
        unobserved_weight=0.003,
        regularization=0.036,
        regularization_exponent=0.5,
        user_frequency_exponent=0.29,
        item_frequency_exponent=0.36,
    )
    model = train_gowalla(shortlist, real_data, tmp_path, taught)
    assert model.dim == 64
    assert measured(model, "distilled", "known", "recall", 20) >= 0.172
    assert measured(model, "distilled", "known", "ndcg", 20) >= 0.146
    stored = shortlist.retrieve(user="7", count=20, catalog=model.catalog)
    lines = (real_data / "gowalla" / "train.txt").read_text().splitlines()
    lines += (real_data / "gowalla" / "valid.txt").read_text().splitlines()
    history = [item for line in lines if line.split()[0] == "7" for item in line.split()[1:]]
    told = shortlist.retrieve(history=history, count=20, catalog=model.catalog)
    assert told.item_ids == stored.item_ids


def test_movielens_small_beats_popularity_and_answers_a_new_history(
    shortlist: Shortlist, real_data: Path
) -> None:
    """Ten films known only from the request return sensible candidates in milliseconds."""
    folder = real_data / "ml-latest-small"
    shortlist.train(
        catalog="ml-small",
        interactions=str(folder / "ratings.csv"),
        items=str(folder / "movies.csv"),
        evaluation=EvaluationSpec(split="random_per_user"),
        progress=False,
    )
    model = shortlist.model(catalog="ml-small")
    for group in ("known", "unseen"):
        assert measured(model, "wals", group, "ndcg", 10) > measured(
            model, "popularity", group, "ndcg", 10
        )
    # Toy Story, Bug's Life, Toy Story 2, Monsters Inc, Finding Nemo, Shrek, Incredibles, Cars,
    # Ratatouille, WALL-E.
    animated = ["1", "2355", "3114", "4886", "6377", "4306", "8961", "45517", "50872", "60069"]
    candidates = shortlist.retrieve(catalog="ml-small", history=animated, count=20)
    assert candidates.origin == "folded_in"
    genres = {line.split(",")[0]: line for line in (folder / "movies.csv").read_text().splitlines()}
    kinds = ("Animation", "Children")
    usual = sum(any(kind in line for kind in kinds) for line in genres.values()) / len(genres)
    found = sum(any(kind in genres[item] for kind in kinds) for item in candidates.item_ids)
    assert found / len(candidates) >= 3 * usual, [genres[item] for item in candidates.item_ids]


def test_movielens_1m_reads_a_headerless_file_and_beats_popularity(
    shortlist: Shortlist, real_data: Path
) -> None:
    source = DataSource(
        str(real_data / "ml-1m" / "ratings_no_timestamp.tsv"), format="tsv", headerless=True
    )
    shortlist.train(
        catalog="ml-1m",
        interactions=InteractionSource(source, user_column="0", item_column="1", value_column="2"),
        preparation=Preparation(item_events_min=5),
        progress=False,
    )
    model = shortlist.model(catalog="ml-1m")
    for group in ("known", "unseen"):
        assert measured(model, "wals", group, "ndcg", 10) > 1.5 * measured(
            model, "popularity", group, "ndcg", 10
        )


def test_films_that_nobody_has_seen_are_found_by_what_they_are(
    shortlist: Shortlist, real_data: Path, tmp_path: Path
) -> None:
    """A tenth of ml-1m's films is held out entirely; only genres and the words of titles are known.

    Recall@50 among them: 0.55, chance 0.135, popularity (it ranks them by their ids) 0.21.
    """
    folder = real_data / "ml-1m"
    pairs = np.loadtxt(folder / "ratings_no_timestamp.tsv", np.int64, usecols=(0, 1))
    films = np.unique(pairs[:, 1])
    held_out = np.random.default_rng(1).choice(films, len(films) // 10, replace=False)
    is_new = np.isin(pairs[:, 1], held_out)
    for name, kept in (("known", ~is_new), ("new", is_new)):
        columns = dict(zip(("user", "item"), pairs[kept].T, strict=True))
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    movies = DataSource(
        str(folder / "movies.dat"), "csv", separator="::", headerless=True, encoding="latin-1"
    )
    for catalog, features in (("cold", ("1", "2")), ("plain", ())):
        shortlist.train(
            catalog=catalog,
            interactions=str(tmp_path / "known.parquet"),
            items=ItemSource(movies, id_column="0", attribute_columns=("1", "2")),
            algorithm=Wals(item_features=features),
            evaluation=EvaluationSpec(cutoffs=(20,)),
            progress=False,
        )
    cold, plain = (
        measured(shortlist.model(catalog=catalog), "wals", "known", "recall", 20)
        for catalog in ("cold", "plain")
    )
    assert cold >= 0.97 * plain, "the others lose next to nothing, though new films compete"

    wanted: dict[str, set[str]] = {}
    for user, film in pairs[is_new].astype(str):
        wanted.setdefault(user, set()).add(film)
    asked = sorted(wanted)[:1000]
    new = held_out.astype(str).tolist()
    how: dict[str, Any] = {"catalog": "cold", "candidates": new, "count": 50}
    answers = shortlist.retrieve_batch([Retrieval(Query(user=user), **how) for user in asked])
    given = [answer.item_ids for answer in answers if isinstance(answer, Candidates)]
    popular = set(shortlist.retrieve(user="nobody", **how).item_ids)
    recall, of_popular = (
        statistics.mean(
            len(set(found) & wanted[user]) / len(wanted[user])
            for user, found in zip(asked, lists, strict=True)
        )
        for lists in (given, [popular] * len(asked))
    )
    assert recall >= 2.3 * of_popular
    assert recall >= 3.3 * 50 / len(held_out)
    everywhere = shortlist.evaluate(
        catalog="cold", test_interactions=str(tmp_path / "new.parquet"), cutoffs=(50,)
    )
    (found,) = (
        m.mean
        for r in everywhere.rankings
        if r.method == "wals"
        for m in r.metrics
        if m.name == "recall"
    )
    assert found >= 3 * 50 / len(films), "in the whole catalog, where popularity finds none"
