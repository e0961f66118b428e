"""Which items a request allows: filter, places and times; and how scores fade with age."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Radius:
    """All places no farther than some metres from a point, along the great circle."""

    latitude: float  # -90..90
    longitude: float  # -180..180
    metres: float
    latitude_attribute: str = ""  # empty: by the usual names
    longitude_attribute: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """All places between two latitudes and two longitudes, the borders included.

    west > east: the box that crosses the date line.
    """

    south: float
    west: float
    north: float
    east: float
    latitude_attribute: str = ""
    longitude_attribute: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time; what is None does not bound it."""

    attribute: str = ""  # empty: the only attribute that is a time
    after_ms: int | None = None  # from this moment on
    before_ms: int | None = None  # up to just before this moment
    age_max_ms: int | None = None  # no older than this at the moment of the request


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What an item must be to be returned; everything that is set must hold."""

    filter: str = ""  # AIP-160 over the attributes of the items
    within: Radius | None = None
    box: Box | None = None
    window: Window | None = None


NO_RESTRICTIONS = Restrictions()


@dataclass(frozen=True, slots=True)
class Freshness:
    """How scores fade: s - weight |s| (1 - 2^(-age / half_life)).

    An older item never gains, whatever the sign of its score; weight 0 changes nothing, weight 1
    halves a positive score every half-life. Items without a time count as infinitely old, those of
    the future as new.
    """

    half_life_ms: int
    weight: float = 1.0  # 0..1
    attribute: str = ""
