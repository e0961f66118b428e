"""Files to compressed rows in both orientations: events a second and peak memory, beside a peer.

The peer does what one would write without us: pyarrow reads the whole file, numpy.unique makes
the rows of ids, scipy.sparse sums duplicate pairs and turns the matrix. Each measurement runs in
a process of its own, so that its peak memory is its own. Run: python bench/reading.py [--quick]
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from scipy import sparse

from shortlist.core.data.interactions import Events, build_interactions, transposed
from shortlist.server.domain.sources import EventSource
from shortlist.server.reading import read_events

COLUMNS = ["user_id", "item_id", "value", "time"]


def written_events(folder: Path, count: int, text_ids: bool) -> list[Path]:
    """Write events of users and items with a popularity skew, in the order of time."""
    random = np.random.default_rng(7)
    users = (count // 50 * random.random(count) ** 1.5).astype(np.int64)
    items = (count // 400 * random.random(count) ** 2.5).astype(np.int64)
    table = pa.table(
        {
            "user_id": pa.array(users),
            "item_id": pa.array(items),
            "value": pa.array(random.integers(1, 11, count) / 2),
            "time": pa.array(np.sort(random.integers(10**9, 2 * 10**9, count))),
        }
    )
    kind = "text" if text_ids else "integer"
    if text_ids:
        for place, name in enumerate(COLUMNS[:2]):
            words = pa.array([f"{name}:{n:08d}" for n in range(count // 50 + 1)])
            table = table.set_column(place, name, words.take(table[name].combine_chunks()))
    paths = [folder / f"{kind}.parquet", folder / f"{kind}.csv"]
    pq.write_table(table, paths[0])
    pa_csv.write_csv(table, paths[1])
    return paths


def ours(path: str, threads: int) -> tuple[int, int, float]:
    table = read_events(EventSource(path), threads=threads)
    built = build_interactions(
        table.events, len(table.users), len(table.items), "sum", threads=threads
    )
    turned = transposed(built, threads)
    return len(table.events), turned.entry_count, float(turned.values.sum(dtype=np.float64))


def peer(path: str, threads: int) -> tuple[int, int, float]:
    pa.set_cpu_count(threads)
    table = ds.dataset(path, format=Path(path).suffix[1:]).to_table(columns=COLUMNS)
    rows = []
    for name in ("user_id", "item_id"):
        encoded = table[name].combine_chunks().dictionary_encode()
        ids, places = np.unique(
            encoded.dictionary.to_numpy(zero_copy_only=False).astype(str), return_inverse=True
        )
        rows.append((len(ids), places[encoded.indices.to_numpy()]))
    (users, user_rows), (items, item_rows) = rows
    values = table["value"].to_numpy().astype(np.float32)
    built = sparse.csr_matrix((values, (user_rows, item_rows)), (users, items))
    turned = built.T.tocsr()
    return len(table), turned.nnz, float(turned.data.sum(dtype=np.float64))


def compare_arrays(count: int, threads: int, repeats: int) -> dict[str, object]:
    """Arrays in memory to both orientations, beside scipy, in turns within one process."""
    random = np.random.default_rng(7)
    users = (count // 50 * random.random(count) ** 1.5).astype(np.int32)
    items = (count // 400 * random.random(count) ** 2.5).astype(np.int32)
    values = random.integers(1, 11, count).astype(np.float32)
    shape = count // 50, count // 400
    mine, theirs = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        built = build_interactions(Events(users, items, values), *shape, "sum", threads=threads)
        turned = transposed(built, threads)
        mine.append(count / (time.perf_counter() - start))
        start = time.perf_counter()
        matrix = sparse.csr_matrix((values, (users, items)), shape)
        turned_matrix = matrix.T.tocsr()
        theirs.append(count / (time.perf_counter() - start))
    same = (
        np.array_equal(turned.columns, turned_matrix.indices)
        and np.array_equal(turned.row_starts, turned_matrix.indptr)
        and np.allclose(turned.values, turned_matrix.data)
    )
    return {
        "bench": "reading",
        "job": f"arrays events={count // 10**6}M threads={threads}",
        "metric": "events to both orientations",
        "unit": "events/s",
        "ours": round(statistics.median(mine)),
        "peer": "scipy.sparse",
        "peer_value": round(statistics.median(theirs)),
        "ratio": round(statistics.median(mine) / statistics.median(theirs), 2),
        "quality": "same matrix" if same else "OTHER MATRIX",
    }


def print_row(row: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(json.dumps(row))
    else:
        print(
            f"{row['job']:48} {row['metric']:28} {row['ours']:>10} {row['unit']:10} "
            f"peer {row['peer_value']:>10}  ratio {row['ratio']:>5}  {row['quality']}"
        )
    sys.stdout.flush()


def peak_bytes() -> int:
    """Return the peak of this process; getrusage would inherit the parent's."""
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
    return 1024 * int(status.split()[0])


def measure(
    work: Callable[[str, int], tuple[int, int, float]], path: str, threads: int
) -> dict[str, float]:
    """Run in this (fresh) process: seconds, peak bytes above the imports', and a check sum."""
    before = peak_bytes()
    start = time.perf_counter()
    events, entries, total = work(path, threads)
    seconds = time.perf_counter() - start
    peak = peak_bytes() - before
    return {
        "events_per_s": events / seconds,
        "peak_bytes": peak,
        "csr_bytes": 16 * entries,
        "total": total,
    }


def medians(
    work: Callable[[str, int], tuple[int, int, float]], path: Path, threads: int, repeats: int
) -> dict[str, float]:
    fresh = multiprocessing.get_context("spawn")
    found = []
    for _ in range(repeats):
        with fresh.Pool(1) as pool:
            found.append(pool.apply(measure, (work, str(path), threads)))
    return {name: statistics.median(run[name] for run in found) for name in found[0]}


def compare(path: Path, count: int, threads: int, repeats: int) -> list[dict[str, object]]:
    mine, theirs = (medians(work, path, threads, repeats) for work in (ours, peer))
    job = f"{path.suffix[1:]} {path.stem} ids events={count // 10**6}M threads={threads}"
    quality = f"sum of values {mine['total']:.6g} / {theirs['total']:.6g}"
    base = {"bench": "reading", "job": job, "peer": "pyarrow+numpy+scipy", "quality": quality}
    memory = [run["peak_bytes"] / run["csr_bytes"] for run in (mine, theirs)]
    return [
        base
        | {
            "metric": "read to both orientations",
            "unit": "events/s",
            "ours": round(mine["events_per_s"]),
            "peer_value": round(theirs["events_per_s"]),
            "ratio": round(mine["events_per_s"] / theirs["events_per_s"], 2),
        },
        base
        | {
            "metric": "peak memory",
            "unit": "x both CSR",
            "ours": round(memory[0], 2),
            "peer_value": round(memory[1], 2),
            "ratio": round(memory[1] / memory[0], 2),
        },
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="2M events once, not 10M thrice")
    arguments.add_argument("--json", action="store_true", help="one object a line")
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    count, repeats = (2_000_000, 1) if options.quick else (10_000_000, 3)
    print_row(compare_arrays(count, options.threads, repeats), options.json)
    with tempfile.TemporaryDirectory() as folder:
        for text_ids in (False, True):
            for path in written_events(Path(folder), count, text_ids):
                for row in compare(path, count, options.threads, repeats):
                    print_row(row, options.json)
                path.unlink()


if __name__ == "__main__":
    main()
