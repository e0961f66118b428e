"""Other libraries' exact search, each as a function (queries, k) -> rows; those installed."""

import contextlib
import importlib.util
from collections.abc import Callable

import numpy as np

from shortlist.core.data.interactions import FloatArray, LongArray

Search = Callable[[FloatArray, int], LongArray]


def exact_peers(items: FloatArray) -> dict[str, Search]:
    """Return every installed library's fastest exact inner-product search, on one thread."""
    peers: dict[str, Search] = {"numpy": _numpy(items)}
    for name, make in (
        ("scann", _scann),
        ("scann int8", _scann_int8),
        ("faiss", _faiss),
        ("implicit", _implicit),
        ("usearch", _usearch),
    ):
        if importlib.util.find_spec(name.split(maxsplit=1)[0]):
            with contextlib.suppress(ImportError):
                peers[name] = make(items)
    return peers


def _numpy(items: FloatArray) -> Search:
    def search(queries: FloatArray, k: int) -> LongArray:
        scores = queries @ items.T
        best = np.argpartition(scores, -k, axis=1)[:, -k:]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        return np.take_along_axis(best, order, axis=1)

    return search


def _scann_searcher(items: FloatArray, k: int, *, quantize: bool) -> Search:
    from scann import scann_ops_pybind

    builder = scann_ops_pybind.builder(items, k, "dot_product")
    searcher = builder.score_brute_force(quantize=quantize)
    if quantize:
        searcher = searcher.reorder(k + k // 4 + 64)
    built = searcher.build()

    def search(queries: FloatArray, k: int) -> LongArray:
        if len(queries) == 1:
            return np.asarray(built.search(queries[0], final_num_neighbors=k)[0])[None]
        return np.asarray(built.search_batched(queries, final_num_neighbors=k)[0])

    return search


def _scann(items: FloatArray) -> Search:
    return _scann_searcher(items, 100, quantize=False)


def _scann_int8(items: FloatArray) -> Search:
    return _scann_searcher(items, 100, quantize=True)


def _faiss(items: FloatArray) -> Search:
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items)
    return lambda queries, k: np.asarray(index.search(queries, k)[1])


def _implicit(items: FloatArray) -> Search:
    from implicit.cpu.topk import topk

    return lambda queries, k: np.asarray(topk(items, queries, k, num_threads=1)[0])


def _usearch(items: FloatArray) -> Search:
    from usearch.compiled import MetricKind
    from usearch.index import search

    def exact(queries: FloatArray, k: int) -> LongArray:
        nearest = search(items, queries, k, MetricKind.IP, exact=True, threads=1)
        return np.asarray(nearest.keys).reshape(len(queries), -1)

    return exact
