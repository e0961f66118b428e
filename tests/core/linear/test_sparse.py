"""Products of a sparse matrix with a dense one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.cpu import available_levels
from shortlist.core.data.interactions import Interactions
from shortlist.core.errors import DataInvalid
from shortlist.core.linear.sparse import multiply


def sparse(dense: np.ndarray) -> Interactions:
    rows, columns = np.nonzero(dense)
    starts = np.searchsorted(rows, np.arange(len(dense) + 1)).astype(np.int64)
    values = dense[rows, columns].astype(np.float32)
    return Interactions(starts, columns.astype(np.int32), values, dense.shape[1])


@pytest.mark.parametrize("level", available_levels())
@given(
    shape=st.tuples(st.integers(0, 30), st.integers(0, 20)),
    width=st.integers(0, 150),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_a_product_is_that_of_the_dense_matrices(
    level: str, shape: tuple[int, int], width: int, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    left = rng.standard_normal(shape) * (rng.random(shape) < share)
    right = rng.standard_normal((shape[1], width)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHORTLIST_SIMD", level)
        found = multiply(sparse(left), right, threads=1)
    expected = left.astype(np.float32).astype(np.float64) @ right.astype(np.float64)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, shape[1]))


def test_same_bits_at_any_thread_count() -> None:
    rng = np.random.default_rng(0)
    left = sparse(rng.standard_normal((5000, 40)) * (rng.random((5000, 40)) < 0.2))
    right = rng.standard_normal((40, 19)).astype(np.float32)
    first = multiply(left, right, threads=1).tobytes()
    assert all(multiply(left, right, threads=n).tobytes() == first for n in (2, 3))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataInvalid, match=r"\(3, 2\)"):
        multiply(sparse(np.eye(4)), np.ones((3, 2), np.float32))
