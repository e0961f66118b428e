"""Integers to codes, over any batches."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.integer_codes import IntegerCodes

near = st.integers(-5, 40)
anything = st.integers(-(2**63), 2**63 - 1)
# Multiples of a large power of two are what weak hashing folds onto a few slots.
far = st.integers(0, 50).map(lambda n: n << 48)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(near | anything | far, max_size=200), max_size=5))
def test_equal_integers_have_equal_codes_in_order_of_first_sight(batches: list[list[int]]) -> None:
    codes = IntegerCodes()
    expected: dict[int, int] = {}
    for batch in batches:
        found = codes.add(np.array(batch, np.int64))
        assert found.tolist() == [expected.setdefault(n, len(expected)) for n in batch]
        assert len(codes) == len(expected)
    assert codes.values().tolist() == list(expected)
    assert codes.values(3).tolist() == list(expected)[3:]


def test_many_integers_grow_the_table() -> None:
    codes = IntegerCodes()
    values = np.random.default_rng(1).permutation(100_000).astype(np.int64)
    for part in np.array_split(values, 37):
        codes.add(part)
    assert codes.add(values).tolist() == list(range(100_000))
