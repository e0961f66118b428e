"""The family on real data, through the server; skipped, loudly, where the data is missing."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.client import (
    DataSource,
    EvaluationSpec,
    InteractionSource,
    Neighbours,
    Ratings,
    Shortlist,
    Svd,
)
from shortlist.client.algorithms import Algorithm
from tests.core.ratings.test_ratings import NEW_USER, table
from tests.test_real_data import measured, shortlist

__all__ = ["shortlist"]  # the fixture

pytestmark = pytest.mark.real_data

# The course's own training: 100 features, lambda 1, 200 Adam steps of 0.1, no item bias.
COURSE = Ratings(
    dim=100,
    epochs=200,
    solver="adam",
    mean="item",
    item_bias=False,
    regularization=1.0,
    regularization_exponent=0.0,
    bias_regularization=0.0,
    init_stddev=1.0,
    seed=1234,
)


def test_the_new_user_of_the_course_gets_the_courses_predictions(
    shortlist: Shortlist, real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Scores are ratings: within 0.6 of each that was given, the unseen top between 4 and 5."""
    values, observed = (table(real_data / "coursera-collab", name) for name in "YR")
    users, items = np.nonzero(observed.T)
    events = {
        "user": ["new"] * len(NEW_USER) + [f"u{user}" for user in users],
        "item": [f"m{item}" for item in [*NEW_USER, *items]],
        "rating": [*map(float, NEW_USER.values()), *values[items, users]],
    }
    path = tmp_path_factory.mktemp("course") / "ratings.parquet"
    pq.write_table(pa.table(events), path)
    nothing = EvaluationSpec(split="none")
    shortlist.train(
        str(path), algorithm=COURSE, evaluation=nothing, catalog="course", progress=False
    )
    rated = {f"m{item}": rating for item, rating in NEW_USER.items()}
    again = shortlist.retrieve(
        user="new", candidates=list(rated), include_seen=True, catalog="course"
    )
    assert len(again) == len(rated)
    for film, score in again:
        assert abs(score - rated[film]) <= 0.6, (film, rated[film], score)
    unseen = shortlist.retrieve(user="new", count=10, catalog="course")
    assert not set(unseen.item_ids) & set(rated)
    assert 4 <= unseen.scores[0] <= 5
    folded = shortlist.retrieve(
        history=list(rated.items()), candidates=list(rated), include_seen=True, catalog="course"
    )
    for film, score in folded:
        assert abs(score - rated[film]) <= 0.6, "a history folds in to the same opinions"


def test_movielens_100k_ratings_are_predicted_as_well_as_classic_models_do(
    shortlist: Shortlist, real_data: Path
) -> None:
    """Mean RMSE of the five given folds; classic SVD-type models reach 0.91 to 0.94."""
    errors = []
    for fold in range(1, 6):
        parts = [
            InteractionSource(
                DataSource(
                    str(real_data / "ml-100k" / f"u{fold}.{part}"), format="tsv", headerless=True
                ),
                *map(str, range(4)),
            )
            for part in ("base", "test")
        ]
        shortlist.train(
            parts[0],
            algorithm=Ratings(epochs=8),
            evaluation=EvaluationSpec(split="given", test_interactions=parts[1], cutoffs=(10,)),
            catalog="ml-100k",
            progress=False,
        )
        model = shortlist.model(catalog="ml-100k")
        errors.append(measured(model, "ratings", "known", "rmse", 0))
    assert np.mean(errors) <= 0.915, errors


@pytest.mark.parametrize(
    ("algorithm", "least"),
    [
        (Svd(dim=32), 1.5),
        (Neighbours(weighting="tfidf"), 1.4),
        (Neighbours(kind="user", weighting="tfidf"), 1.4),
    ],
    ids=["svd", "item-neighbours", "user-neighbours"],
)
def test_movielens_small_is_ranked_far_better_than_by_popularity(
    shortlist: Shortlist, real_data: Path, algorithm: Algorithm, least: float
) -> None:
    shortlist.train(
        str(real_data / "ml-latest-small" / "ratings.csv"),
        algorithm=algorithm,
        evaluation=EvaluationSpec(split="random_per_user", cutoffs=(10,)),
        catalog="ml-small-family",
        progress=False,
    )
    model = shortlist.model(catalog="ml-small-family")
    method = type(algorithm).__name__.lower()
    for group, factor in (("known", least), ("unseen", 1.0)):
        popular = measured(model, "popularity", group, "ndcg", 10)
        assert measured(model, method, group, "ndcg", 10) > factor * popular
