"""What the tests of the clients share."""

from collections.abc import Iterator

import pytest

from tests.recorded_server import RecordedServer, recorded_server


@pytest.fixture
def recorded() -> Iterator[RecordedServer]:
    with recorded_server() as server:
        yield server
