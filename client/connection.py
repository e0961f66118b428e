"""How calls are made: channel options, deadlines, and what is tried again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import grpc

from shortlist.client.errors import ShortlistClientError, Unavailable

# Options are given even where they equal grpc's default: a default that moves must not move us.
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", 64 << 20),  # 2 million candidates of a batch
    ("grpc.keepalive_time_ms", 60_000),  # notices a server that vanished without a word
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),  # an idle client is no load on the server
    ("grpc.enable_retries", 0),  # retries are ours, so that they are seen and bounded in one place
)


@dataclass(frozen=True, slots=True)
class Retries:
    """What to do when a server is unavailable: try again, ever later, within the deadline."""

    attempts_max: int = 5  # 1: never again
    first_wait_s: float = 0.05
    wait_max_s: float = 2.0


class Deadline:
    """The time that one call has left, all its attempts together."""

    def __init__(self, timeout_s: float | None) -> None:
        self._end = None if timeout_s is None else time.monotonic() + timeout_s

    def left_s(self) -> float | None:
        """Return the seconds left, None for no limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())


def wait_before_retry(
    error: ShortlistClientError, attempt: int, retries: Retries, deadline: Deadline
) -> float | None:
    """Return how long to wait before attempt + 1, or None when the error is final.

    Only UNAVAILABLE is tried again. The server's own advice is a lower bound; the rest is random,
    so that clients that failed together do not come back together.
    """
    if not isinstance(error, Unavailable) or attempt >= retries.attempts_max:
        return None
    ceiling = min(retries.wait_max_s, retries.first_wait_s * 2 ** (attempt - 1))
    wait = (error.retry_after_s or 0.0) + random.uniform(0.5, 1.0) * ceiling
    left = deadline.left_s()
    return wait if left is None or wait < left else None


def open_channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    """Open a channel; nothing is sent before the first call."""
    if credentials is None:
        return grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.secure_channel(target, credentials, options=CHANNEL_OPTIONS)


def open_async_channel(
    target: str, credentials: grpc.ChannelCredentials | None
) -> grpc.aio.Channel:
    """Open a channel for asyncio; nothing is sent before the first call."""
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
