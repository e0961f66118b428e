"""A precomputed answer beside the exact search of the same user, k=100.

Gowalla's factors and a synthetic catalog made from them (bench/scoring.py); the whole of Retrieve
without the network, one thread, one user at a time, and what looking up hidden items adds.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.factors import factors, grown
from bench.report import Report, arguments, in_turns
from shortlist.core.data.interactions import FloatArray, Interactions
from shortlist.core.data.vocabulary import Vocabulary
from shortlist.core.scan.quantization import quantize
from shortlist.core.scan.scoring import ItemScan
from shortlist.core.wals.fold_in import FoldIn
from shortlist.core.wals.params import WalsParams
from shortlist.server.artifacts.catalogs import Catalogs
from shortlist.server.artifacts.export_files import SPEC_NAME
from shortlist.server.domain.exporting import ExportSpec
from shortlist.server.domain.query import RetrieveQuery, SearchMode, UserQuery
from shortlist.server.encoders.fold_in import FoldInEncoder
from shortlist.server.exporting.parts import write_parts
from shortlist.server.operations.hiding import Hiding
from shortlist.server.retrieval.retrieve import retrieve
from shortlist.server.serving.attributes import ItemAttributes
from shortlist.server.serving.hidden import HiddenLists
from shortlist.server.serving.precomputed import StoredExports
from shortlist.server.serving.serving_model import ServingModel, Space, rank_by_score
from shortlist.server.storage.plain import to_plain

K = 100
DIM = 64
USERS = 1000


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("precomputed", as_json=options.json)
    items, users = factors(DIM)
    users = users[np.random.default_rng(5).choice(len(users), USERS, replace=False)]
    measure(report, f"items={len(items)} dim={DIM}", items, users)
    size = 200_000 if options.quick else 1_000_000
    measure(report, f"items={size} synthetic dim={DIM}", grown(items, size), users)


def measure(report: Report, job: str, items: FloatArray, users: FloatArray) -> None:
    model = model_of(items, users)
    with tempfile.TemporaryDirectory() as name:
        catalogs = Catalogs(Path(name))
        folder = catalogs.catalog("default").export_path("all")
        folder.mkdir(parents=True)
        spec = ExportSpec(model.model_id, "users", 2 * K)
        list(write_parts(model, spec, folder, 2))
        (folder / SPEC_NAME).write_text(json.dumps(to_plain(spec)))
        exports = StoredExports(folder.parent, model.model_id, 0, len(model.users), len(items))
        model, hidden = replace(model, exports=exports), HiddenLists(catalogs)
        asked = [RetrieveQuery(UserQuery(str(row)), count=K) for row in range(USERS)]
        ready = [replace(one, mode=SearchMode.PRECOMPUTED) for one in asked]
        same = sum(
            retrieve(model, one).item_ids == retrieve(model, two).item_ids
            for one, two in zip(asked, ready, strict=True)
        )

        def run_all(queries: list[RetrieveQuery]) -> None:
            for one in queries:
                retrieve(model, one, hidden.of)

        runs = {"exact": lambda: run_all(asked), "precomputed": lambda: run_all(ready)}
        for part, share in (("", 0), (" with 1 % hidden", len(items) // 100)):
            for first in range(0, share, 10_000):
                last = min(first + 10_000, share)
                gone = tuple(item_id(row) for row in range(first * 100, last * 100, 100))
                Hiding(catalogs).hide("default", gone)
            seconds = in_turns(runs, 3)
            each = {name: taken / USERS * 1e6 for name, taken in seconds.items()}
            report.row(
                f"one known user {job}{part}", "request", "us", each["precomputed"],
                peer="exact", peer_value=each["exact"],
                quality=f"{same} of {USERS} answers the same",
            )  # fmt: skip
        hidden.close()


def item_id(row: int) -> str:
    return f"{row:08d}"


def model_of(items: FloatArray, users: FloatArray) -> ServingModel:
    """Return a model that nobody has used yet."""
    popularity = np.zeros(len(items), np.float32)
    nothing = np.empty(0, np.int32), np.empty(0, np.float32)
    params = WalsParams(dim=items.shape[1])
    return ServingModel(
        catalog="default",
        model_id="bench",
        items=Vocabulary.from_strings([item_id(row) for row in range(len(items))]),
        users=Vocabulary.from_strings([f"{row}" for row in range(len(users))]),
        seen=Interactions(np.zeros(len(users) + 1, np.int64), *nothing, len(items)),
        item_scores=popularity,
        popular_rows=rank_by_score(popularity),
        attributes=ItemAttributes(None, len(items)),
        space=Space(
            dim=items.shape[1],
            item_vectors=items,
            user_vectors=np.ascontiguousarray(users),
            scan=ItemScan(items, quantize(items), trusted=True),
            encoder=FoldInEncoder(FoldIn(items, np.ones(len(items), np.int64), params)),
            index=None,
        ),
    )


if __name__ == "__main__":
    main()
