"""Value errors against the definition."""

import numpy as np
import pytest

from shortlist.core.data.interactions import Events, build_interactions
from shortlist.core.metrics.value_errors import value_errors


def test_errors_are_those_of_every_held_out_pair() -> None:
    rng = np.random.default_rng(1)
    events = Events(
        rng.integers(6, size=20).astype(np.int32),
        rng.integers(5, size=20).astype(np.int32),
        rng.normal(size=20).astype(np.float32),
    )
    held_out = build_interactions(events, 6, 5, "last")
    users = rng.normal(size=(6, 3)).astype(np.float32)
    items = rng.normal(size=(5, 3)).astype(np.float32)
    errors = [
        float(users[row].astype(float) @ items[column]) - float(value)
        for row in range(6)
        for column, value in zip(*held_out.row(row), strict=True)
    ]
    found = value_errors(held_out, users, items)
    squares = np.square(errors)
    assert found.rmse == pytest.approx(np.sqrt(squares.mean()))
    assert found.mae == pytest.approx(np.abs(errors).mean())
    n = len(errors)
    assert found.mae_standard_error == pytest.approx(np.abs(errors).std(ddof=1) / np.sqrt(n))
    expected = squares.std(ddof=1) / np.sqrt(n) / (2 * found.rmse)
    assert found.rmse_standard_error == pytest.approx(expected)


def test_nothing_held_out_has_no_error() -> None:
    none = build_interactions(
        Events(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)), 2, 3
    )
    found = value_errors(none, np.ones((2, 4), np.float32), np.ones((3, 4), np.float32))
    assert found == (0, 0, 0, 0)
