"""Milliseconds since 1970 to Timestamps."""

from google.protobuf.timestamp_pb2 import Timestamp


def time_to_proto(ms: int | None) -> Timestamp | None:
    """Return the timestamp; None stays unset on the wire."""
    return None if ms is None else Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)
