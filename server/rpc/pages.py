"""Pages of lists."""

from dataclasses import dataclass

from shortlist.server.rpc.fields import check_text, int_in

SIZE_DEFAULT = 100
SIZE_MAX = 1000
_TOKEN_BYTES_MAX = 256


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    size: int
    token: str  # empty: the first page


def page_from_proto(
    page_size: int, page_token: str, token_bytes_max: int = _TOKEN_BYTES_MAX
) -> Page:
    """Return the page; size 0: the default."""
    size = int_in("page_size", page_size, 0, SIZE_MAX) or SIZE_DEFAULT
    return Page(size, check_text("page_token", page_token, token_bytes_max))
