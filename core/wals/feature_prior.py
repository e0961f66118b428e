"""Rows drawn towards a linear map of their features, so that a row without data has a place.

The penalty lambda_j |v_j|^2 becomes lambda_j |v_j - W'x_j|^2, and W has one of its own, mu |W|^2,
x_j being the features of row j. Given the rows W is a ridge regression, (X'LX + mu I) W = X'LV with
L = diag(lambda); given W each row's solve only gains lambda_j W'x_j on its right side.

Source: regression-based latent factors (Agarwal and Chen, KDD 2009).
"""

import numpy as np

from shortlist.core.data.interactions import FloatArray, Interactions, transposed
from shortlist.core.errors import DataInvalid
from shortlist.core.limits import FEATURES_MAX
from shortlist.core.linear.gramian import Doubles, padded
from shortlist.core.linear.sparse import multiply
from shortlist.core.parallel import for_each_chunk
from shortlist.core.wals._feature_prior import add_outer_products, add_weighted_rows

_CHUNK_FEATURES = 16


class FeaturePrior:
    """W, in the coordinates that the rows are in, and what it takes to fit it again and again."""

    def __init__(
        self,
        features: Interactions,  # (rows, features) x_j
        lambdas: FloatArray,  # (rows,) 0: the row has no say
        regularization: float,  # > 0; mu in mean lambdas: how many rows' worth of W = 0
        width: int,  # length of the rows, padded
        threads: int,
    ) -> None:
        count = features.column_count
        if features.row_count != len(lambdas) or count > FEATURES_MAX:
            given = f"{features.row_count} rows of {count} features"
            raise DataInvalid(f"{given}; wanted are {len(lambdas)} rows of up to {FEATURES_MAX}")
        self._features = features
        self._threads = threads
        self._by_feature = transposed(features, threads)
        self._lambdas = lambdas.astype(np.float64)
        heard = np.count_nonzero(lambdas)
        self._mu = regularization * float(self._lambdas.sum()) / heard if heard else 1.0
        system = np.zeros((count, count))
        add_outer_products(
            features.row_starts, features.columns, features.values, self._lambdas, system
        )
        system += np.triu(system, 1).T
        self._inverse = np.linalg.inv(system + self._mu * np.eye(count))
        self.weights: Doubles = np.zeros((count, width))

    def start(self, rows: FloatArray, weights: FloatArray | None) -> None:
        """Begin with a W (features, dim) that was trained before, or else the minimum for rows."""
        if weights is None:
            self.fit(rows)
        else:
            self.weights = padded(weights).astype(np.float64)

    def centers(self) -> FloatArray:
        """Return W'x of every row, (rows, width)."""
        return multiply(self._features, self.weights.astype(np.float32), threads=self._threads)

    def rotate(self, basis: Doubles) -> None:
        """Follow the rows into new coordinates."""
        self.weights = self.weights @ basis

    def fit(self, rows: FloatArray) -> float:
        """Set W to the minimum for rows (rows, width); return the whole penalty."""
        by_feature = self._by_feature
        sums = np.zeros_like(self.weights)

        def work(chunk: int, _thread: int) -> None:
            first = chunk * _CHUNK_FEATURES
            last = min(first + _CHUNK_FEATURES, len(sums))
            add_weighted_rows(
                by_feature.row_starts, by_feature.columns, by_feature.values,
                self._lambdas, rows, first, last, sums,
            )  # fmt: skip

        for_each_chunk(work, -(-len(sums) // _CHUNK_FEATURES), self._threads)
        self.weights = self._inverse @ sums
        return self.penalty(rows)

    def penalty(self, rows: FloatArray) -> float:
        """Return sum_j lambda_j |v_j - W'x_j|^2 + mu |W|^2."""
        off = rows - self.centers()
        distances = np.einsum("nd,nd->n", off, off, dtype=np.float64)
        return float(self._lambdas @ distances) + self._mu * float(np.square(self.weights).sum())
