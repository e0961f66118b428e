"""Between Timestamps and milliseconds since 1970."""

from google.protobuf.timestamp_pb2 import Timestamp

from shortlist.server.errors import FieldInvalid

FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799  # of the years 1 and 9999


def time_from_proto(path: str, message: Timestamp) -> int:
    """Return the millisecond that a moment lies in; those of the items are read the same way."""
    seconds, nanos = message.seconds, message.nanos
    if not FIRST_SECOND <= seconds <= LAST_SECOND:
        problem = f"{seconds} s is not in the years 1..9999"
        raise FieldInvalid(path, problem, found=seconds, limit="1..9999")
    if not 0 <= nanos < 1_000_000_000:
        problem = f"{nanos} ns is not in 0..999999999"
        raise FieldInvalid(path, problem, found=nanos, limit="0..999999999")
    return seconds * 1000 + nanos // 1_000_000


def time_to_proto(ms: int | None) -> Timestamp | None:
    """Return the timestamp; None stays unset on the wire."""
    return None if ms is None else Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)
