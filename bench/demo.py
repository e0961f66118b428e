"""The demo: generate or read a catalog, serve, train through the client, print candidates to read.

`./dev demo` or `./dev demo --ratings ratings.csv --items movies.csv`.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from bench.catalog import generate_world
from shortlist.client import Candidates, GeoRadius, Model, Shortlist, TimeWindow, Wals

HISTORY_LENGTH = 5
SHOWN = 8


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument(
        "--ratings", type=Path, help="a MovieLens-style file: user, item, rating, timestamp"
    )
    parser.add_argument("--items", type=Path, help="its items: id, title, genres")
    parser.add_argument(
        "--events", type=int, default=300_000, help="events to generate (default 300000)"
    )
    options = parser.parse_args()
    if options.items and not options.ratings:
        parser.error("--items needs --ratings")
    with tempfile.TemporaryDirectory(prefix="shortlist-demo-") as folder:
        root = Path(folder)
        if options.ratings:
            events_path, items_path = (
                options.ratings.resolve(),
                options.items and options.items.resolve(),
            )
            roots = [root, events_path.parent, *([items_path.parent] if items_path else [])]
        else:
            events_path, items_path = write_world(root, options.events)
            roots = [root]
        with running_server(root / "data", roots) as target, Shortlist(target) as shortlist:
            heading(f"A server runs at {target}; training through the client")
            shortlist.train(
                interactions=str(events_path),
                items=str(items_path) if items_path else None,
                algorithm=Wals(dim=64),
            )
            model = shortlist.model()
            print_evaluation(model)
            titles = titles_of(items_path)
            restricted = not options.ratings
            show(shortlist, read_columns(events_path), titles, restricted=restricted)


def write_world(root: Path, event_count: int) -> tuple[Path, Path]:
    """Generate the world and write it as Parquet."""
    heading("Generating a catalog: things to do in eight cities")
    world = generate_world(
        item_count=8_000,
        user_count=6_000,
        event_count=event_count,
        seed=1,
        now_ms=int(time.time() * 1000),
    )
    pq.write_table(world.events, root / "events.parquet")
    pq.write_table(world.items, root / "items.parquet")
    counts = world.events.num_rows, world.users.num_rows, world.items.num_rows
    print("{:,} events of {:,} users with {:,} items".format(*counts))
    return root / "events.parquet", root / "items.parquet"


@contextlib.contextmanager
def running_server(data_dir: Path, roots: list[Path], *arguments: str) -> Iterator[str]:
    """Start a server on a free port, yield its address, and stop it as an operator would."""
    command = [
        sys.executable,
        "-m",
        "shortlist.server",
        "serve",
        "--data-dir",
        str(data_dir),
        "--port",
        "0",
        *arguments,
    ]
    for root in roots:
        command += ["--data-root", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            ready = server.stdout.readline().strip()
            if not ready.startswith("serving on "):
                raise SystemExit(f"the server did not start: {ready or 'see above'}")
            yield ready.removeprefix("serving on ")
        finally:
            server.terminate()


def show(
    shortlist: Shortlist, events: pa.Table, titles: dict[str, str], *, restricted: bool
) -> None:
    """Print what each kind of query answers; `restricted`: the items have places and times."""
    users, items = (events.column(name).cast(pa.string()) for name in events.column_names)
    busiest = [user for user, _ in Counter(users.to_pylist()).most_common(21)]
    favourites = [item for item, _ in Counter(items.to_pylist()).most_common(6)]

    heading(f"A known user, {busiest[-1]}; some of what they did:")
    print_items(items_of(busiest[-1], users, items), titles)
    found = shortlist.retrieve(user=busiest[-1], count=SHOWN)
    print_candidates("candidates for them", found, titles)

    if restricted:
        show_restrictions(shortlist, busiest[-1], titles)

    history = items_of(users[len(users) // 2].as_py(), users, items)
    heading("A brand-new visitor: only this history, sent with the request:")
    print_items(history, titles)
    start = time.perf_counter()
    found = shortlist.retrieve(history=history, count=SHOWN)
    milliseconds = (time.perf_counter() - start) * 1000
    print_candidates(f"candidates, {milliseconds:.1f} ms there and back", found, titles)
    explained = shortlist.retrieve(history=history, count=1, explain=True)
    print_reason(explained, titles)

    heading("Related items of:")
    print_items(favourites[-1:], titles)
    found = shortlist.retrieve(items=favourites[-1:], count=SHOWN)
    print_candidates("more like it", found, titles)


def show_restrictions(shortlist: Shortlist, user: str, titles: dict[str, str]) -> None:
    """Ask for the same user where and when: a city, a radius, a day."""
    heading("The same user, visiting Lisbon")
    found = shortlist.retrieve(user=user, count=4, filter='city = "Lisbon"')
    print_candidates('city = "Lisbon"', found, titles)
    near = GeoRadius(38.7223, -9.1393, radius_m=1500)
    found = shortlist.retrieve(user=user, count=4, within=near)
    print_candidates("within 1,500 m of the Rossio", found, titles)
    day = TimeWindow(age_max=timedelta(hours=24))
    found = shortlist.retrieve(user=user, count=4, window=day)
    print_candidates("anywhere, published in the last 24 hours", found, titles)
    found = shortlist.retrieve(user=user, count=1, explain=True)
    print("  and why the first candidate of all:")
    for item_id, amount in found.reasons[0].contributions:
        print(f"    {amount:+7.3f}  for {titles.get(item_id, item_id)}")
    print(f"    {found.reasons[0].remainder:+7.3f}  for everything else they did")


def items_of(user: str, users: pa.ChunkedArray, items: pa.ChunkedArray) -> list[str]:
    """Return a few different items of one user."""
    theirs = items.filter(pc.equal(users, user)).to_pylist()
    return list(dict.fromkeys(theirs))[:HISTORY_LENGTH]


def read_columns(path: Path) -> pa.Table:
    """Return the user and item columns of the events, to pick examples from."""
    table = pq.read_table(path) if path.suffix == ".parquet" else pa_csv.read_csv(path)
    return table.select(table.column_names[:2])


def titles_of(path: Path | None) -> dict[str, str]:
    """Return a readable line an item: title, genre and city, or title and genres."""
    if path is None:
        return {}
    table = pq.read_table(path) if path.suffix == ".parquet" else pa_csv.read_csv(path)
    names = [name for name in ("title", "genre", "genres", "city") if name in table.column_names]
    lines = (" · ".join(str(row[name]) for name in names) for row in table.to_pylist())
    return dict(zip(table.column(0).cast(pa.string()).to_pylist(), lines, strict=True))


def print_evaluation(model: Model) -> None:
    """Print ours beside popularity on the same held-out events."""
    assert model.evaluation is not None, "the demo's split holds events out"
    heading(f"Quality on held-out events ({model.evaluation.split} split), whole catalog")
    wanted = [("ndcg", 10), ("recall", 20), ("recall", 100), ("coverage", 100)]
    print(f"{'':26}" + "".join(f"{f'{name}@{cutoff}':>14}" for name, cutoff in wanted))
    for ranking in model.evaluation.rankings:
        values = {(m.name, m.cutoff): m.mean for m in ranking.metrics}
        cells = "".join(f"{values[key]:14.4f}" if key in values else f"{'-':>14}" for key in wanted)
        print(f"{f'{ranking.method}, {ranking.user_group} users':26}{cells}")


def print_items(item_ids: list[str], titles: dict[str, str]) -> None:
    for item_id in item_ids:
        print(f"    {titles.get(item_id, item_id)}")


def print_candidates(label: str, candidates: Candidates, titles: dict[str, str]) -> None:
    print(f"  {label} (origin {candidates.origin}, search {candidates.search.mode}):")
    for item_id, score in candidates:
        print(f"    {score:7.3f}  {titles.get(item_id, item_id)}")


def print_reason(explained: Candidates, titles: dict[str, str]) -> None:
    """Print what made the first candidate's score."""
    (item_id, score), (reason,) = next(iter(explained)), explained.reasons[:1]
    print(f"  why {titles.get(item_id, item_id)}? {score:.3f} is the sum of:")
    for cause, amount in reason.contributions:
        print(f"    {amount:+7.3f}  {titles.get(cause, cause)}")
    print(f"    {reason.remainder:+7.3f}  everything else")


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    main()
