"""Filter, places and times of a retrieval: from the wire to the domain, every field checked."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from shortlist.server.domain.restrictions import (
    NO_RESTRICTIONS,
    Box,
    Freshness,
    Radius,
    Restrictions,
    Window,
)
from shortlist.server.errors import FieldInvalid
from shortlist.server.filters.places import HALF_WAY_ROUND_M
from shortlist.server.rpc.fields import attribute_from_text
from shortlist.server.rpc.times import time_from_proto
from shortlist.v1 import retrieval_service_pb2 as pb2

DURATION_MS_MAX = 315_576_000_000_000  # 10,000 years
METRES_MAX = 20_037_508.0  # half way round the equator
assert METRES_MAX >= HALF_WAY_ROUND_M


def restrictions_from_proto(request: pb2.RetrieveRequest) -> Restrictions:
    """Return what an item must be; the filter itself is read beside the model's attributes."""
    within = _radius(request.within) if request.HasField("within") else None
    box = _box(request.box) if request.HasField("box") else None
    window = _window(request.window) if request.HasField("window") else None
    if not request.filter and within is None and box is None and window is None:
        return NO_RESTRICTIONS
    return Restrictions(request.filter, within, box, window)


def freshness_from_proto(request: pb2.RetrieveRequest) -> Freshness | None:
    """Return how scores fade, None where they do not."""
    if not request.HasField("freshness"):
        return None
    message = request.freshness
    if not message.HasField("half_life"):
        raise FieldInvalid("freshness.half_life", "is required")
    half_life_ms = _positive_ms("freshness.half_life", message.half_life)
    weight = _between("freshness.weight", message.weight, 0, 1) if message.HasField("weight") else 1
    return Freshness(
        half_life_ms, weight, attribute_from_text("freshness.attribute", message.attribute)
    )


def _radius(message: pb2.GeoRadius) -> Radius:
    metres = _required(message, "within", "radius_m", 0, METRES_MAX)
    if not metres:
        raise FieldInvalid("within.radius_m", "0.0 is not above 0", found=0.0)
    return Radius(
        latitude=_required(message, "within", "latitude", -90, 90),
        longitude=_required(message, "within", "longitude", -180, 180),
        metres=metres,
        latitude_attribute=attribute_from_text(
            "within.latitude_attribute", message.latitude_attribute
        ),
        longitude_attribute=attribute_from_text(
            "within.longitude_attribute", message.longitude_attribute
        ),
    )


def _box(message: pb2.GeoBox) -> Box:
    box = Box(
        south=_required(message, "box", "south", -90, 90),
        west=_required(message, "box", "west", -180, 180),
        north=_required(message, "box", "north", -90, 90),
        east=_required(message, "box", "east", -180, 180),
        latitude_attribute=attribute_from_text(
            "box.latitude_attribute", message.latitude_attribute
        ),
        longitude_attribute=attribute_from_text(
            "box.longitude_attribute", message.longitude_attribute
        ),
    )
    if box.south > box.north:
        problem = f"{box.south} lies north of box.north, {box.north}"
        raise FieldInvalid("box.south", problem, found=box.south, limit=box.north)
    return box


def _window(message: pb2.TimeWindow) -> Window:
    after, before, age_max = (message.HasField(name) for name in ("after", "before", "age_max"))
    if not (after or before or age_max):
        raise FieldInvalid("window", "needs after, before or age_max")
    after_ms = time_from_proto("window.after", message.after) if after else None
    before_ms = time_from_proto("window.before", message.before) if before else None
    if after_ms is not None and before_ms is not None and after_ms >= before_ms:
        problem = f"{after_ms} ms since 1970 is not earlier than window.before, {before_ms} ms"
        raise FieldInvalid("window.after", problem, found=after_ms, limit=before_ms)
    return Window(
        attribute=attribute_from_text("window.attribute", message.attribute),
        after_ms=after_ms,
        before_ms=before_ms,
        age_max_ms=_positive_ms("window.age_max", message.age_max) if age_max else None,
    )


def _required(message: Message, path: str, name: str, low: float, high: float) -> float:
    if not message.HasField(name):
        raise FieldInvalid(f"{path}.{name}", "is required")
    return _between(f"{path}.{name}", getattr(message, name), low, high)


def _between(path: str, value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # also refuses NaN
        problem = f"{value} is not in {low:g}..{high:.10g}"
        raise FieldInvalid(path, problem, found=value, limit=f"{low:g}..{high:.10g}")
    return value


def _positive_ms(path: str, message: Duration) -> int:
    milliseconds = message.seconds * 1000 - (-message.nanos // 1_000_000)
    if not 0 < milliseconds <= DURATION_MS_MAX:
        problem = f"{milliseconds} ms is not above 0 and at most 10,000 years"
        raise FieldInvalid(path, problem, found=milliseconds, limit=DURATION_MS_MAX)
    return milliseconds
