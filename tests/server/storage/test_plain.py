"""Dataclasses as JSON: what was stored comes back, what was not is refused."""

import json

import pytest

from shortlist.core.errors import DataInvalid
from shortlist.server.domain.job import JobPhase, JobProgress
from shortlist.server.storage.plain import from_plain, to_plain


def test_a_progress_comes_back_from_its_text() -> None:
    progress = JobProgress(JobPhase.TUNING, 1, 2, 1 / 3, 720, 0.5, 1, 4, 0.1 + 0.2)
    again = from_plain(JobProgress, json.loads(json.dumps(to_plain(progress))))
    assert again == progress
    assert isinstance(again.phase, JobPhase)


@pytest.mark.parametrize("phase", ["dreaming", "", 1, ["reading"]])
def test_a_phase_that_nobody_knows_is_named(phase: object) -> None:
    """A later version may have more of them; half understood would be worse."""
    with pytest.raises(DataInvalid, match=r"JobProgress\.phase"):
        from_plain(JobProgress, {"phase": phase})
