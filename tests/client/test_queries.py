"""What a caller's query becomes on the wire, and what the server reads out of it."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortlist.client import Query
from shortlist.client.queries import history_to_proto, query_to_proto
from shortlist.server.domain.query import UserQuery
from shortlist.server.rpc.query_messages import query_from_proto

EPOCH = datetime(1970, 1, 1)
MOMENTS = st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=-7))]))
# Years in which any zone's moment is still in 1..9999.
SAFE = MOMENTS.filter(lambda moment: 1 < moment.year < 9999)
IDS = st.text("abcé", min_size=1, max_size=3)  # short, so that items repeat
VALUES = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def milliseconds(moment: datetime) -> int:
    bare = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    return (bare - EPOCH) // timedelta(milliseconds=1)


@given(st.lists(st.tuples(IDS, VALUES, SAFE), min_size=1, max_size=20), st.booleans())
def test_a_history_arrives_as_it_was_given(
    events: list[tuple[str, float | None, datetime]], by_numpy: bool
) -> None:
    """Order, repeats and times, whatever the zone and the type of the times."""
    expected = UserQuery(
        "",
        tuple(name for name, _, _ in events),
        tuple(1.0 if value is None else value for _, value, _ in events),
        history_times=tuple(milliseconds(moment) for _, _, moment in events),
    )
    if by_numpy:
        history = [
            (name, value, np.datetime64(milliseconds(moment), "ms"))
            for name, value, moment in events
        ]
        assert query_from_proto(query_to_proto(Query(history=history)), "query") == expected
    else:
        assert query_from_proto(query_to_proto(Query(history=events)), "query") == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-02", 1_767_312_000),
        ("2026-01-02T00:00:00.000000001", 1_767_312_000),
        ("1969", -31_536_000),
    ],
)
def test_a_numpy_time_of_any_unit_is_sent(text: str, seconds: int) -> None:
    (event,) = history_to_proto([("a", None, np.datetime64(text))])
    assert (event.time.seconds, event.HasField("value")) == (seconds, False)


def test_an_event_without_a_time_sends_none() -> None:
    sent = history_to_proto(["a", ("b", 2.0), ("c", 3.0, None)])
    assert [event.HasField("time") for event in sent] == [False, False, False]


@pytest.mark.parametrize("time", [np.datetime64("NaT"), np.datetime64(10**6, "Y")])
def test_what_is_no_time_is_refused_here(time: np.datetime64) -> None:
    with pytest.raises(ValueError, match="no time in the years 1 to 9999"):
        history_to_proto([("a", 1.0, time)])


def test_what_is_no_event_is_refused_here() -> None:
    with pytest.raises(ValueError, match=r"\(id, value, time\)"):
        history_to_proto([("a", 1.0, None, 2)])  # type: ignore[list-item]
