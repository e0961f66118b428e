"""Settings: the file, its mistakes, and the flags above it."""

from pathlib import Path

import pytest

from shortlist.core.errors import SettingInvalid
from shortlist.server.config import (
    Settings,
    read_settings,
    settings_from_text,
    settings_to_text,
    with_overrides,
)


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "shortlist.toml"
    file.write_text(
        '[server]\nport = 7\ndrain_s = 3\n[data]\ndir = "d"\nroots = ["/a", "s3://b"]\n'
    )
    settings = read_settings(file)
    assert settings.server.port == 7
    assert settings.server.drain_s == 3.0
    assert settings.server.host == "127.0.0.1"
    assert settings.data.dir == Path("d")
    assert settings.data.roots == ("/a", "s3://b")


@pytest.mark.parametrize(
    ("text", "named", "hint"),
    [
        ("[server]\nprot = 1", "server.prot", "port"),
        ("[sever]\nport = 1", "sever", "server"),
        ('[server]\nport = "1"', "server.port", "int"),
        ("[server]\nport = 70000", "server.port", "65535"),
        ("[server]\nport = true", "server.port", "int"),
        ("[server]\nworkers = 0", "server.workers", "1"),
        ("[monitoring]\nrecall_share = 1.5", "monitoring.recall_share", "1"),
        ("[monitoring]\nmetrics_port = -1", "monitoring.metrics_port", "65535"),
        ("[data]\nroots = [1]", "data.roots", "strings"),
        ("server = 1", "server", "table"),
        ('[server]\nunknown_fields = "drop"', "server.unknown_fields", "refuse, ignore"),
        ('[server]\nlog_level = "LOUD"', "server.log_level", "DEBUG"),
        ("[server", "config", "TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_what_is_known(
    tmp_path: Path, text: str, named: str, hint: str
) -> None:
    """A misspelt key that is silently ignored costs an operator a day."""
    file = tmp_path / "shortlist.toml"
    file.write_text(text)
    with pytest.raises(SettingInvalid) as failure:
        read_settings(file)
    assert failure.value.field == named
    assert hint in str(failure.value)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="readable file"):
        read_settings(tmp_path / "none.toml")


def test_a_flag_overrides_the_file_and_none_does_not() -> None:
    settings = with_overrides(Settings(), "server", port=5, host=None)
    assert (settings.server.port, settings.server.host) == (5, "127.0.0.1")


def test_settings_reach_a_worker_unchanged() -> None:
    """The supervisor hands its settings to workers as text."""
    settings = with_overrides(Settings(), "data", dir=Path("/x y"), roots=("/a b", "s3://c"))
    assert settings_from_text(settings_to_text(settings)) == settings
