"""Measures a published model on a caller's test data, in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass

from shortlist.server.reading import EventSource


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Which model to measure on which data."""

    catalog: str
    model: str  # id or alias
    test_interactions: EventSource
    cutoffs: tuple[int, ...]
    seed: int
