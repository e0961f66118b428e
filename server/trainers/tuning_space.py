"""Settings that decide the quality of an algorithm, as points of a unit cube to search in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

P = TypeVar("P")
Point = npt.NDArray[np.float64]
_TINY = 1e-12  # where the logarithmic place of 0 is looked for


class TuningSpace(Protocol[P]):
    """Maps points (axes,) of the unit cube to params, and back."""

    @property
    def axes(self) -> int:
        """Length of a point."""
        ...

    def start(self) -> P:
        """Return the params given, with what was left to the search decided."""
        ...

    def params(self, point: Point) -> P:
        """Return the params of a point; one outside of the cube counts as the nearest inside."""
        ...

    def point(self, params: P) -> Point:
        """Return the point of the cube nearest to params."""
        ...

    def settings(self, params: P) -> dict[str, float]:
        """Return what trials differ in, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Axis:
    """One setting between two ends."""

    name: str  # of the params' field
    low: float
    high: float
    logarithmic: bool = True
    whole: bool = False  # a whole number

    def value(self, place: float) -> float:
        """Return the setting at a place from 0 to 1."""
        place = float(np.clip(place, 0, 1))
        setting = self.low + place * (self.high - self.low)
        if self.logarithmic:
            setting = log_between((self.low, self.high), place)
        return round(setting) if self.whole else three_digits(setting)

    def place(self, value: float) -> float:
        """Return the place of a setting, or of the nearest end."""
        if self.low == self.high:
            return 0.0
        place = (value - self.low) / (self.high - self.low)
        if self.logarithmic:
            place = log_place((self.low, self.high), value)
        return float(np.clip(place, 0, 1))


class AxisSpace(TuningSpace[P]):
    """A space whose axes are settings of their own; `P` is a frozen dataclass with a dim."""

    def __init__(self, given: P, axes: Sequence[Axis]) -> None:
        self._given, self._axes = given, tuple(axes)

    @property
    def axes(self) -> int:
        return len(self._axes)

    def start(self) -> P:
        return self._given

    def params(self, point: Point) -> P:
        places = zip(self._axes, point.tolist(), strict=True)
        moved_to: dict[str, Any] = {axis.name: axis.value(place) for axis, place in places}
        given: Any = self._given  # no protocol says dataclass
        moved: P = replace(given, **moved_to)
        return moved

    def point(self, params: P) -> Point:
        return np.array([axis.place(getattr(params, axis.name)) for axis in self._axes])

    def settings(self, params: P) -> dict[str, float]:
        names = {"dim", *(axis.name for axis in self._axes)}
        return {name: float(getattr(params, name)) for name in sorted(names)}


def log_between(ends: tuple[float, float], place: float) -> float:
    """Return what lies at a place from 0 to 1 between two ends of a logarithmic scale."""
    return float(ends[0] * (ends[1] / ends[0]) ** place)


def log_place(ends: tuple[float, float], value: float) -> float:
    """Return where a value lies between two ends of a logarithmic scale."""
    return float(np.log(max(value, _TINY) / ends[0]) / np.log(ends[1] / ends[0]))


def three_digits(value: float) -> float:
    """Return three digits of a number: settings that people copy; finer changes nothing."""
    return float(f"{value:.3g}")
