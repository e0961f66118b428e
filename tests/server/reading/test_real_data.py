"""Published data sets read to the counts that their authors state."""

import os
from pathlib import Path

import numpy as np
import pytest

from shortlist.core.data.interactions import build_interactions, transposed
from shortlist.server.domain.sources import EventColumns, EventSource, ItemSource, TextOptions
from shortlist.server.evaluation.holdout import left_out_of_test, rows_in
from shortlist.server.reading import read_attributes, read_events

DATA = Path(os.environ.get("SHORTLIST_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA}; set SHORTLIST_DATA"),
]

CLICKS = EventColumns(item="click_article_id", time="click_timestamp")


@pytest.mark.parametrize(
    ("path", "format", "columns", "counts", "timed"),
    [
        ("ml-latest-small/ratings.csv", "", EventColumns(), (100_836, 610, 9_724), True),
        ("ml-100k/u.data", "tsv", EventColumns("0", "1", "2", "3"), (100_000, 943, 1_682), True),
        ("globo-clicks/clicks.parquet", "", CLICKS, (2_988_181, 322_897, 46_033), True),
        ("hetrec-lastfm-2k/plays.csv", "", EventColumns(), (92_834, 1_892, 17_632), False),
        (
            "beauty-sequences/Beauty.txt",
            "adjacency",
            EventColumns(),
            (198_502, 22_363, 12_101),
            False,
        ),
    ],
    ids=lambda value: value.split("/")[0] if isinstance(value, str) and "/" in value else "",
)
def test_published_counts_are_read(
    path: str, format: str, columns: EventColumns, counts: tuple[int, int, int], timed: bool
) -> None:
    table = read_events(EventSource(str(DATA / path), format, columns))
    assert (len(table.events), len(table.users), len(table.items)) == counts
    assert not table.left_out
    assert (table.events.times is not None) == timed
    built = build_interactions(table.events, *counts[1:], "count")
    turned = transposed(built)
    assert built.values.sum() == turned.values.sum() == counts[0]


def test_movielens_titles_with_bars_are_items_of_the_ratings() -> None:
    source = EventSource(str(DATA / "ml-100k/u.data"), "tsv", EventColumns("0", "1", "2"))
    table = read_events(source)
    text = TextOptions("|", "latin-1", quoted=False)
    titles = read_attributes(ItemSource(str(DATA / "ml-100k/u.item"), "csv", "0", ("1",), text))
    aligned = titles.align(table.items)
    assert aligned.num_rows == len(table.items)
    assert aligned["1"].null_count == 0
    assert aligned["1"][table.items.row("50")].as_py() == "Star Wars (1977)"


def test_a_given_split_is_read_in_the_rows_of_its_training_part() -> None:
    train = read_events(EventSource(str(DATA / "gowalla/train.txt"), "adjacency"))
    test = read_events(EventSource(str(DATA / "gowalla/test.txt"), "adjacency"))
    assert (len(train.events), len(test.events)) == (719_081, 217_242)
    _, user_known = rows_in(test.users, train.users)
    assert user_known.all()
    _, item_known = rows_in(test.items, train.items)
    unknown = int(np.count_nonzero(~item_known[test.events.items]))
    assert unknown
    told = [(rows.reason, rows.count) for rows in left_out_of_test(test, train.items)]
    assert told == [("unknown_item", unknown)]
