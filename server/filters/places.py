"""Places: items within a radius, or inside a box, by their coordinates in degrees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shortlist.server.domain.restrictions import Box, Radius

EARTH_RADIUS_M = 6_371_008.8  # mean radius (IUGG)
HALF_WAY_ROUND_M = np.pi * EARTH_RADIUS_M

Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def within_radius(radius: Radius, latitudes: Doubles, longitudes: Doubles) -> Mask:
    """Return which places (n,) lie in the circle; NaN coordinates do not.

    Only places in the box around the circle are measured.
    """
    inside = within_box(_box_around(radius), latitudes, longitudes)
    near = np.flatnonzero(inside)
    distances = haversine_m(radius.latitude, radius.longitude, latitudes[near], longitudes[near])
    inside[near] = distances <= radius.metres
    return inside


def _box_around(radius: Radius) -> Box:
    """Return a box that holds the circle; around a pole it is a cap of every longitude."""
    reach = radius.metres / EARTH_RADIUS_M * (1 + 1e-9) + 1e-9
    south, north = (radius.latitude + sign * np.degrees(reach) for sign in (-1, 1))
    if south <= -90 or north >= 90:
        return Box(max(south, -90), -180, min(north, 90), 180)
    # Where the circle touches a meridian, sin(reach) = cos(latitude) sin(difference).
    sine = np.sin(reach) / np.cos(np.radians(radius.latitude))
    aside = np.degrees(np.arcsin(min(1, sine))) + 1e-6
    west, east = (radius.longitude + sign * aside for sign in (-1, 1))
    if east - west >= 360:
        return Box(south, -180, north, 180)
    return Box(south, west + 360 * (west < -180), north, east - 360 * (east > 180))


def within_box(box: Box, latitudes: Doubles, longitudes: Doubles) -> Mask:
    """Return which places (n,) lie in the box; NaN coordinates do not."""
    inside: Mask = (latitudes >= box.south) & (latitudes <= box.north)
    east_of, west_of = longitudes >= box.west, longitudes <= box.east
    inside &= (east_of & west_of) if box.west <= box.east else (east_of | west_of)
    # -180 and 180 are one meridian.
    if box.east == 180:
        inside |= (longitudes == -180) & (latitudes >= box.south) & (latitudes <= box.north)
    if box.west == -180:
        inside |= (longitudes == 180) & (latitudes >= box.south) & (latitudes <= box.north)
    return inside


def haversine_m(
    latitude: float, longitude: float, latitudes: Doubles, longitudes: Doubles
) -> Doubles:
    """Return the great-circle distance in metres from one point to others (n,).

    The haversine keeps its digits at small distances; at opposite ends of the earth rounding may
    push it above 1, where it is cut.
    """
    phi, phis = np.radians(latitude), np.radians(latitudes)
    half_phi = (phis - phi) / 2
    half_lambda = np.radians(longitudes - longitude) / 2
    haversine = np.sin(half_phi) ** 2 + np.cos(phi) * np.cos(phis) * np.sin(half_lambda) ** 2
    distances: Doubles = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(haversine, 0, 1)))
    return distances
