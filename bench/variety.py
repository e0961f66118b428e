"""What a query can shape: what it costs beside a plain retrieval, and what it buys.

Gowalla's embeddings (WALS, dim 64), one thread, users folded in from their training items; quality
on their test items. Explanations and exports stand beside implicit's, the rest beside the plain
retrieval of the same users. Cities are made up: eight, the larger the more popular.
"""

import importlib.util
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.gowalla import Benchmark, gowalla_or_generated
from bench.report import Report, arguments, median_seconds
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams, with_data_defaults
from shortlist.core.wals.wals import train_wals
from shortlist.server.domain.exporting import ExportSpec
from shortlist.server.domain.query import Candidates, Diversity, RetrieveQuery, UserQuery
from shortlist.server.encoders.encoder import Additive, Askers
from shortlist.server.encoders.fold_in import FoldInEncoder
from shortlist.server.exporting.parts import write_parts
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.attributes import ItemAttributes
from shortlist.server.serving.serving_model import ServingModel, Space, rank_by_score

K, DIM = 100, 64
HISTORY_MIN = 20  # items of the users asked: interests want something to part


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("variety", as_json=options.json)
    data = gowalla_or_generated()
    params = with_data_defaults(WalsParams(dim=DIM), data.train)
    model = serving(data, params)
    rng = np.random.default_rng(1)
    long = np.flatnonzero(np.diff(data.train.row_starts) >= HISTORY_MIN)
    users = rng.choice(long, 100 if options.quick else 1000, replace=False).tolist()
    queries = {user: RetrieveQuery(UserQuery(user_name(user)), count=K) for user in users}
    plain = ask_all(model, queries)
    plain_ms = milliseconds(model, queries)
    shaped = {
        "at most 20 a city": {"diversity": Diversity("city", 20)},
        "at most 2 a city (16 in all)": {"diversity": Diversity("city", 2)},
        "marginal relevance 0.3": {"diversity": Diversity(mmr_strength=0.3)},
        "popularity damping 0.3": {"popularity_damping": 0.3},
        "3 interests": {"interests": 3},
    }
    for job, changes in shaped.items():
        asked = {user: replace(query, **changes) for user, query in queries.items()}  # type: ignore[arg-type]
        found = ask_all(model, asked)
        report.row(
            f"{data.name} {job}", "retrieval", "ms", milliseconds(model, asked),
            peer="plain", peer_value=plain_ms,
            quality=f"{described(model, data, found)} beside {described(model, data, plain)}",
        )  # fmt: skip
    explain(report, data, model, params, queries)
    export(report, data, model, params, quick=options.quick)


def serving(data: Benchmark, params: WalsParams) -> ServingModel:
    """Return a model in memory, as it would be loaded."""
    factors = train_wals(data.train, params, threads=2)
    counts = np.bincount(data.train.columns, minlength=data.train.column_count)
    city = np.random.default_rng(2).choice(8, len(counts), p=np.arange(1, 9) / 36)
    return ServingModel(
        catalog="default",
        model_id="bench",
        items=Vocabulary.from_strings([f"i{row:06d}" for row in range(data.train.column_count)]),
        users=Vocabulary.from_strings([user_name(row) for row in range(data.train.row_count)]),
        seen=data.train,
        item_scores=counts.astype(np.float32),
        popular_rows=rank_by_score(counts.astype(np.float32)),
        space=Space(
            dim=DIM,
            item_vectors=factors.items,
            user_vectors=factors.users,
            scan=ItemScan(factors.items, quantize(factors.items)),
            encoder=FoldInEncoder(FoldIn(factors.items, counts, params)),
            index=None,
        ),
        attributes=ItemAttributes(pa.table({"city": city}), len(counts)),
    )


def user_name(row: int) -> str:
    return f"u{row:06d}"


def ask_all(model: ServingModel, queries: dict[int, RetrieveQuery]) -> dict[int, Candidates]:
    return {user: retrieve(model, query) for user, query in queries.items()}


def milliseconds(model: ServingModel, queries: dict[int, RetrieveQuery]) -> float:
    """Return the mean time of one retrieval, the median of five runs over all."""
    return median_seconds(lambda: ask_all(model, queries)) / len(queries) * 1000


def described(model: ServingModel, data: Benchmark, found: dict[int, Candidates]) -> str:
    """Return recall of the test items, mean bits of novelty, and items that anybody got."""
    recalls, novelty, covered = [], [], set()
    users_of = np.bincount(data.train.columns, minlength=data.train.column_count)
    for user, candidates in found.items():
        rows = [int(one[1:]) for one in candidates.item_ids]
        wanted = set(data.test.row(user)[0].tolist())
        recalls.append(len(wanted & set(rows)) / max(1, min(len(wanted), K)))
        novelty += (-np.log2(np.maximum(users_of[rows], 1) / users_of.sum())).tolist()
        covered |= set(rows)
    return f"recall {np.mean(recalls):.3f}, {np.mean(novelty):.1f} bits, {len(covered):,} items"


def explain(
    report: Report,
    data: Benchmark,
    model: ServingModel,
    params: WalsParams,
    queries: dict[int, RetrieveQuery],
) -> None:
    """Explain 100 candidates of each user, ten contributions each."""
    some = dict(list(queries.items())[:50])
    asked = {user: replace(query, contributions_max=10) for user, query in some.items()}
    ours = milliseconds(model, asked)
    found = ask_all(model, asked)
    distance = np.mean(
        [
            abs(score - exact_score(model, data, params, user, name)) / abs(score)
            for user, candidates in list(found.items())[:20]
            for name, score in list(zip(candidates.item_ids, candidates.scores, strict=True))[:10]
        ]
    )
    quality = f"stored scores are {distance:.3%} from the exact solution's"
    if importlib.util.find_spec("implicit") is None:
        report.row(f"{data.name} explain {K}", "retrieval", "ms", ours, quality=quality)
        return
    peer, matrix = implicit_model(data, model, params)
    users, start = list(found)[:5], time.perf_counter()
    for user in users:
        weights = None
        for name in found[user].item_ids:
            _, _, weights = peer.explain(user, matrix, int(name[1:]), weights, N=10)
    took = (time.perf_counter() - start) / len(users) * 1000
    report.row(
        f"{data.name} retrieve and explain {K}", "retrieval", "ms", ours,
        peer="implicit, explain alone", peer_value=took, quality=quality,
    )  # fmt: skip


def exact_score(
    model: ServingModel, data: Benchmark, params: WalsParams, user: int, name: str
) -> float:
    """Return the score by the sum of all parts."""
    assert model.space is not None
    encoder = model.space.encoder
    assert isinstance(encoder, Additive)
    rows, values = data.train.row(user)
    history = replace(data.train, row_starts=np.array([0, len(rows)]), columns=rows, values=values)
    return float(
        encoder.parts(Askers(history)).sum(axis=0) @ model.space.item_vectors[int(name[1:])]
    )


def export(
    report: Report, data: Benchmark, model: ServingModel, params: WalsParams, *, quick: bool
) -> None:
    """Write the top 100 of every user, two threads."""
    assert model.space is not None
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        *_, last = write_parts(model, ExportSpec("bench", "users", K), Path(folder), 2)
        ours = last.row_count / (time.perf_counter() - start)
    start = time.perf_counter()
    model.space.scan.top(model.space.user_vectors, K, excluded=model.seen, threads=2)
    scanned = len(model.users) / (time.perf_counter() - start)
    size = f"{last.size_bytes / 1e6:.0f} MB of Parquet, synced"
    report.row(
        f"{data.name} export {K} of every user", "users", "1/s", ours,
        peer="our scan alone", peer_value=scanned, smaller_is_better=False, quality=size,
    )  # fmt: skip
    if quick or importlib.util.find_spec("implicit") is None:
        return
    peer, matrix = implicit_model(data, model, params)
    start = time.perf_counter()
    peer.recommend(np.arange(len(model.users)), matrix, N=K)
    took = len(model.users) / (time.perf_counter() - start)
    report.row(
        f"{data.name} export {K} of every user", "users", "1/s", ours,
        peer="implicit, recommend alone", peer_value=took, smaller_is_better=False, quality=size,
    )  # fmt: skip


def implicit_model(data: Benchmark, model: ServingModel, params: WalsParams):  # type: ignore[no-untyped-def]
    """Return implicit's model with our factors, and the matrix of what users have."""
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix

    assert model.space is not None
    train = data.train
    parts = train.values / params.w0, train.columns, train.row_starts
    matrix = csr_matrix(parts, shape=(train.row_count, train.column_count))
    peer = AlternatingLeastSquares(DIM, regularization=params.regularization, num_threads=2)
    peer.user_factors, peer.item_factors = model.space.user_vectors, model.space.item_vectors
    return peer, matrix


if __name__ == "__main__":
    main()
