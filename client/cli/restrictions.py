"""Options of `shortlist retrieve` that say where and when candidates may come from."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta
from typing import Any

from shortlist.client.restrictions import Freshness, GeoBox, GeoRadius, TimeWindow

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add_restriction_options(parser: argparse.ArgumentParser) -> None:
    """Add filter, places and times."""
    parser.add_argument("--filter", default="", help='city = "Rome" AND year >= 2000')
    parser.add_argument(
        "--within", nargs=3, type=float, metavar=("LAT", "LON", "METRES"), help="near a point"
    )
    parser.add_argument(
        "--box", nargs=4, type=float, metavar=("SOUTH", "WEST", "NORTH", "EAST"), help="in a box"
    )
    parser.add_argument("--after", type=datetime.fromisoformat, help="from this ISO 8601 moment on")
    parser.add_argument("--before", type=datetime.fromisoformat, help="up to before this moment")
    parser.add_argument("--age-max", type=duration, metavar="24h", help="not older than this")
    parser.add_argument("--half-life", type=duration, metavar="6h", help="in which scores halve")
    parser.add_argument("--freshness-weight", type=float, help="how much of a score fades, 0 to 1")
    parser.add_argument("--time-attribute", default="", help="default: the only time")


def restrictions_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of Shortlist.retrieve that the options ask for.

    Raises ValueError at an option that only means something beside another.
    """
    window = freshness = None
    times = options.after, options.before, options.age_max
    if times != (None, None, None):
        window = TimeWindow(*times, attribute=options.time_attribute)
    if options.half_life is not None:
        faded = options.half_life, options.freshness_weight
        freshness = Freshness(*faded, attribute=options.time_attribute)
    elif options.freshness_weight is not None:
        raise ValueError("--freshness-weight needs --half-life")
    elif options.time_attribute and window is None:
        raise ValueError("--time-attribute needs --after, --before, --age-max or --half-life")
    return {
        "filter": options.filter,
        "within": GeoRadius(*options.within) if options.within else None,
        "box": GeoBox(*options.box) if options.box else None,
        "window": window,
        "freshness": freshness,
    }


def duration(text: str) -> timedelta:
    """Read 90s, 30m, 24h, 7d or 2w."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 90s, 30m, 24h, 7d or 2w")
    try:
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is too long a duration") from None
