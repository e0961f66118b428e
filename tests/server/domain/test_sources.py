"""What a source may say is one list, checked where the source is made."""

import pytest

from shortlist.core.errors import SettingInvalid
from shortlist.server.domain.sources import ENCODINGS, FORMATS, EventSource, ItemSource, TextOptions
from shortlist.server.reading.files import BY_NAME


def test_every_format_that_is_accepted_can_be_opened() -> None:
    assert tuple(BY_NAME) == FORMATS


@pytest.mark.parametrize("kind", [EventSource, ItemSource])
@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_one_of_the_list(kind: type[EventSource | ItemSource], name: str) -> None:
    assert kind("x", name).format == name
    with pytest.raises(SettingInvalid, match="format"):
        kind("x", name.upper())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_is_one_python_knows(encoding: str) -> None:
    assert TextOptions(encoding=encoding)
    assert "é".encode(encoding).decode(encoding) == "é"
