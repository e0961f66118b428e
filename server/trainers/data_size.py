"""How much there is to learn from, and what arrays over it take."""

from __future__ import annotations

from dataclasses import dataclass

LANES = 16  # rows of factors are padded to a multiple of this
ENTRY_BYTES = 8  # of a matrix: column and value


@dataclass(frozen=True, slots=True)
class DataSize:
    """Counts of a training's data."""

    user_count: int
    item_count: int
    event_count: int  # pairs are at most as many
    feature_counts: tuple[int, ...] = ()  # of the items, of the users, where they have any
    feature_entry_count: int = 0  # of both
    threads: int = 1

    @property
    def matrix_bytes(self) -> int:
        """Return the bytes of users x items, or of its transpose."""
        return ENTRY_BYTES * (self.event_count + max(self.user_count, self.item_count))

    def vector_bytes(self, dim: int, number_bytes: int = 4) -> int:
        """Return the bytes of a vector for each user and each item."""
        return number_bytes * dim * (self.user_count + self.item_count)


def padded(dim: int) -> int:
    """Return the length of a row of factors in memory."""
    return -(-dim // LANES) * LANES
