"""Evaluation: the right users, the right items, and what a slow count finds."""

import numpy as np
import pytest

from shortlist.core.counts.params import PopularityParams
from shortlist.core.data.interactions import Events, Interactions, build_interactions, select_rows
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.errors import DataInvalid
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.artifact import ModelContents
from shortlist.server.domain.algorithms import ALGORITHMS, algorithm_of
from shortlist.server.domain.evaluation import Evaluation
from shortlist.server.domain.training import EvaluationSpec, Preparation
from shortlist.server.evaluation.holdout import HeldOut, Holdout, hold_out, split_items
from shortlist.server.evaluation.measure import evaluate
from shortlist.server.training.fit import fit
from shortlist.server.training.prepare import PreparedData

USERS, ITEMS = 40, 30
PARAMS = WalsParams(dim=4, epochs=2, unobserved_weight=0.1)


def events_of(timed: bool = True, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    count = 400
    times = rng.permutation(count).astype(np.int64) if timed else None
    return Events(
        rng.integers(0, USERS, count).astype(np.int32),
        rng.integers(0, ITEMS, count).astype(np.int32),
        rng.choice([-1, 1, 2, 5], count).astype(np.float32),
        times,
    )


def pairs(interactions: Interactions) -> set[tuple[int, int]]:
    rows = np.repeat(np.arange(interactions.row_count), np.diff(interactions.row_starts))
    return set(zip(rows.tolist(), interactions.columns.tolist(), strict=True))


def held(events: Events, spec: EvaluationSpec) -> Holdout:
    found = hold_out(events, USERS, ITEMS, spec, "sum")
    assert found is not None
    return found


def model_of(events: Events, algorithm: WalsParams | PopularityParams = PARAMS) -> ModelContents:
    vocabularies = [Vocabulary.from_strings(f"{i:03d}" for i in range(n)) for n in (USERS, ITEMS)]
    data = PreparedData(vocabularies[0], vocabularies[1], events, None)
    fitted = fit(data, events, algorithm, Preparation(), threads=1, on_epoch=lambda epoch: None)
    return fitted.contents


@pytest.mark.parametrize("split", ["auto", "temporal", "random_per_user", "leave_last_out"])
def test_held_out_events_do_not_train(split: str) -> None:
    """Unseen users are unknown to training whole; known ones have something there."""
    events = events_of()
    holdout = held(events, EvaluationSpec(split, unseen_user_fraction=0.2))
    trained = set(holdout.train.users.tolist())
    unseen = {row for row, _ in pairs(holdout.test.histories)}
    assert len(unseen) == round(0.2 * USERS)
    assert not unseen & trained
    assert {row for row, _ in pairs(holdout.test.targets)} <= unseen
    assert {row for row, _ in pairs(holdout.test.known)} <= trained
    assert not pairs(holdout.test.histories) & pairs(holdout.test.targets)
    assert holdout.split == ("temporal" if split == "auto" else split)


def test_without_times_the_split_is_random_and_others_are_refused() -> None:
    events = events_of(timed=False)
    assert held(events, EvaluationSpec()).split == "random_per_user"
    for split in ("temporal", "leave_last_out"):
        with pytest.raises(DataInvalid, match="times"):
            hold_out(events, USERS, ITEMS, EvaluationSpec(split), "sum")


def test_nothing_to_measure_on_is_no_error() -> None:
    row = np.zeros(1, np.int32)
    one = Events(row, row, np.ones(1, np.float32))
    assert hold_out(one, 1, 1, EvaluationSpec(), "sum") is None
    same_time = Events(one.users, one.items, one.values, np.zeros(1, np.int64))
    assert hold_out(same_time, 1, 1, EvaluationSpec("temporal"), "sum") is None


def test_four_fifths_of_an_unseen_users_items_are_folded_in() -> None:
    counts = [0, 1, 2, 5, 10, 30]
    starts = np.concatenate([[0], np.cumsum(counts)])
    columns = np.concatenate([np.arange(count) for count in counts]).astype(np.int32)
    whole = Interactions(starts, columns, np.ones(len(columns), np.float32), ITEMS)
    first, second = split_items(whole, 0.8, seed=1)
    assert np.diff(first.row_starts).tolist() == [0, 1, 1, 4, 8, 24]
    assert pairs(first) | pairs(second) == pairs(whole)
    assert not pairs(first) & pairs(second)


def slow_ndcg(model: ModelContents, test: HeldOut, group: str, wals: bool, cutoff: int) -> float:
    """Rank with float64 and Python's sort, user by user."""
    known = group == "known"
    had, wanted = (model.seen, test.known) if known else (test.histories, test.targets)
    assert model.item_vectors is not None
    assert model.user_vectors is not None
    values = []
    for row in range(USERS):
        mine = set(had.row(row)[0].tolist())
        columns, liking = wanted.row(row)
        relevant = {
            item
            for item, value in zip(columns.tolist(), liking.tolist(), strict=True)
            if value >= 0 and model.item_counts[item] > 0 and item not in mine
        }
        if not relevant:
            continue
        history = select_rows(had, np.array([row], np.int32))
        vector = (
            model.user_vectors[row]
            if known
            else FoldIn(model.item_vectors, model.item_counts, PARAMS).solve(history)[0]
        )
        scores = model.item_vectors.astype(np.float64) @ vector if wals else model.item_scores
        able = [item for item in range(ITEMS) if item not in mine and model.item_counts[item] > 0]
        ranked = sorted(able, key=lambda item: (-scores[item], item))[:cutoff]
        gain = sum(1 / np.log2(at + 2) for at, item in enumerate(ranked) if item in relevant)
        ideal = sum(1 / np.log2(at + 2) for at in range(min(cutoff, len(relevant))))
        values.append(gain / ideal)
    return float(np.mean(values))


def number(evaluation: Evaluation, method: str, group: str, name: str, cutoff: int) -> float:
    (found,) = (
        metric.mean
        for ranking in evaluation.rankings
        if (ranking.method, ranking.user_group) == (method, group)
        for metric in ranking.metrics
        if (metric.name, metric.cutoff) == (name, cutoff)
    )
    return found


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_rankings_are_what_a_slow_count_finds(threads: int) -> None:
    events = events_of()
    holdout = held(events, EvaluationSpec(unseen_user_fraction=0.2, held_out_fraction=0.3))
    model = model_of(holdout.train)
    found = evaluate(
        model,
        algorithm_of(PARAMS),
        holdout.test,
        split="temporal",
        cutoffs=(3, 20),
        threads=threads,
    )
    for group in ("known", "unseen"):
        for method in ("wals", "popularity"):
            for cutoff in (3, 20):
                slow = slow_ndcg(model, holdout.test, group, method == "wals", cutoff)
                assert number(found, method, group, "ndcg", cutoff) == pytest.approx(slow)


def test_a_popularity_model_is_measured_alone() -> None:
    events = events_of()
    holdout = held(events, EvaluationSpec(unseen_user_fraction=0.2))
    model = model_of(holdout.train, PopularityParams())
    found = evaluate(
        model,
        ALGORITHMS["popularity"],
        holdout.test,
        split="temporal",
        cutoffs=(10,),
        threads=1,
    )
    assert [(one.method, one.user_group) for one in found.rankings] == [
        ("popularity", "known"),
        ("popularity", "unseen"),
    ]


def test_dislikes_and_what_was_had_are_not_worth_finding() -> None:
    """A model that has everything right is not punished for them; a group of nothing is absent."""
    rows = np.array([0, 0, 1], np.int32)
    train = Events(rows, np.array([0, 1, 2], np.int32), np.ones(3, np.float32))
    model = model_of(train)
    test = Events(rows, np.array([0, 2, 29], np.int32), np.array([1, -1, 1], np.float32))
    none = build_interactions(Events(rows[:0], rows[:0], train.values[:0]), USERS, ITEMS)
    data = HeldOut(build_interactions(test, USERS, ITEMS), none, none)
    found = evaluate(model, algorithm_of(PARAMS), data, split="given", cutoffs=(5,), threads=1)
    assert found == Evaluation("given", ())
