"""Where and when candidates may come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration

from shortlist.client.times import time_to_proto
from shortlist.v1 import retrieval_service_pb2 as pb2


@dataclass(frozen=True, slots=True)
class GeoRadius:
    """Items no farther than some metres from a point, in degrees."""

    latitude: float
    longitude: float
    radius_m: float
    latitude_attribute: str = ""  # empty: latitude or lat
    longitude_attribute: str = ""  # empty: longitude, lon or lng


@dataclass(frozen=True, slots=True)
class GeoBox:
    """Items inside a box, in degrees; west > east crosses the date line."""

    south: float
    west: float
    north: float
    east: float
    latitude_attribute: str = ""
    longitude_attribute: str = ""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Items whose time is not before `after`, before `before`, not older than `age_max`.

    Datetimes without a zone are UTC.
    """

    after: datetime | None = None
    before: datetime | None = None
    age_max: timedelta | None = None
    attribute: str = ""  # empty: the only attribute that is a time


@dataclass(frozen=True, slots=True)
class Freshness:
    """Scores fade with age: s - weight |s| (1 - 2^(-age / half_life))."""

    half_life: timedelta
    weight: float | None = None  # 0..1; None: 1
    attribute: str = ""


def radius_to_proto(radius: GeoRadius | None) -> pb2.GeoRadius | None:
    """Return the message."""
    if radius is None:
        return None
    return pb2.GeoRadius(
        latitude=radius.latitude,
        longitude=radius.longitude,
        radius_m=radius.radius_m,
        latitude_attribute=radius.latitude_attribute,
        longitude_attribute=radius.longitude_attribute,
    )


def box_to_proto(box: GeoBox | None) -> pb2.GeoBox | None:
    """Return the message."""
    if box is None:
        return None
    return pb2.GeoBox(
        south=box.south,
        west=box.west,
        north=box.north,
        east=box.east,
        latitude_attribute=box.latitude_attribute,
        longitude_attribute=box.longitude_attribute,
    )


def window_to_proto(window: TimeWindow | None) -> pb2.TimeWindow | None:
    """Return the message."""
    if window is None:
        return None
    return pb2.TimeWindow(
        attribute=window.attribute,
        after=time_to_proto(window.after),
        before=time_to_proto(window.before),
        age_max=_duration(window.age_max),
    )


def freshness_to_proto(freshness: Freshness | None) -> pb2.Freshness | None:
    """Return the message."""
    if freshness is None:
        return None
    half_life = _duration(freshness.half_life)
    return pb2.Freshness(
        attribute=freshness.attribute, half_life=half_life, weight=freshness.weight
    )


def _duration(span: timedelta | None) -> Duration | None:
    if span is None:
        return None
    message = Duration()
    message.FromTimedelta(span)
    return message
