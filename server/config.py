"""The server's settings: one frozen dataclass a section of shortlist.toml, with its defaults.

    [server]    host, port, workers, threads, drain_s, slow_call_ms, unknown_fields, log_level
    [data]      dir, roots
    [training]  threads, queue_max
    [monitoring] recall_share, metrics_port
    [limits]    message_bytes_max, in_flight_max, watches_max, evaluations_max, exports_max,
                loaded_models_max

An unknown section or key is an error that names it and the known ones; a flag of the command line
overrides the file.
"""

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from shortlist.core.errors import SettingInvalid

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
UNKNOWN_FIELDS = ("refuse", "ignore")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where and with how many hands the server answers."""

    host: str = "127.0.0.1"
    port: int = 50051  # 0: any free port
    workers: int = 1  # processes; calls of one connection stay in one of them
    threads: int = 4  # serving threads a worker; more than four fight for the interpreter lock
    drain_s: float = 10.0  # calls in flight may take this long once the server is told to stop
    slow_call_ms: float = 250.0  # a slower Embed or Retrieve is logged as a warning
    unknown_fields: str = "refuse"  # of requests; ignore: a newer client's wishes may be dropped
    log_level: str = "WARNING"  # DEBUG: one line a call

    def __post_init__(self) -> None:
        _check_range("server.port", self.port, 0, 65535)
        _check_range("server.workers", self.workers, 1, 256)
        _check_range("server.threads", self.threads, 1, 256)
        _check_range("server.drain_s", self.drain_s, 0, 3600)
        _check_range("server.slow_call_ms", self.slow_call_ms, 0, 3_600_000)
        _check_one_of("server.unknown_fields", self.unknown_fields, UNKNOWN_FIELDS)
        _check_one_of("server.log_level", self.log_level, LOG_LEVELS)


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Where the server keeps its own data, and which folders it may read a client's data from."""

    dir: Path = Path("shortlist-data")
    # Paths or URI prefixes; what lies outside them is PATH_NOT_ALLOWED. Default: the working
    # directory that the server was started in.
    roots: tuple[str, ...] = field(default_factory=lambda: (str(Path.cwd()),))


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How trainings run."""

    threads: int = 0  # of one training; 0: every core
    queue_max: int = 100  # jobs that may wait

    def __post_init__(self) -> None:
        _check_range("training.threads", self.threads, 0, 1024)
        _check_range("training.queue_max", self.queue_max, 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What one worker takes on at a time; beyond it calls are answered OVERLOADED."""

    # Default: a full batch of requests with long histories fits, a runaway client does not.
    message_bytes_max: int = 16 << 20
    in_flight_max: int = 128  # retrievals running or waiting for a thread
    watches_max: int = 32  # WatchTrainingJob streams
    evaluations_max: int = 1  # EvaluateModel calls
    exports_max: int = 1  # ExportCandidates calls
    loaded_models_max: int = 4  # models that no alias names but requests ask for by id

    def __post_init__(self) -> None:
        _check_range("limits.message_bytes_max", self.message_bytes_max, 1 << 10, 1 << 30)
        _check_range("limits.in_flight_max", self.in_flight_max, 1, 1_000_000)
        _check_range("limits.watches_max", self.watches_max, 1, 1024)
        _check_range("limits.evaluations_max", self.evaluations_max, 1, 64)
        _check_range("limits.exports_max", self.exports_max, 1, 64)
        _check_range("limits.loaded_models_max", self.loaded_models_max, 1, 1024)


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """What the server measures about itself, and where it tells."""

    recall_share: float = 0.01  # of approximate searches, answered exactly again; 0: none
    metrics_port: int = 0  # of GET /metrics (Prometheus text) on server.host; 0: none

    def __post_init__(self) -> None:
        _check_range("monitoring.recall_share", self.recall_share, 0, 1)
        _check_range("monitoring.metrics_port", self.metrics_port, 0, 65535)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    server: ServerSettings = field(default_factory=ServerSettings)
    data: DataSettings = field(default_factory=DataSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)


def read_settings(path: Path | None) -> Settings:
    """Return the settings of a TOML file; None: all defaults.

    Raises SettingInvalid for an unknown section or key, a value of the wrong type or out of range,
    and a file that is missing or no TOML.
    """
    if path is None:
        return Settings()
    try:
        tables = tomllib.loads(path.read_text())
    except OSError as problem:
        raise SettingInvalid(
            "config", str(path), f"a readable file ({problem.strerror})"
        ) from problem
    except ValueError as problem:
        raise SettingInvalid("config", str(path), f"a TOML file ({problem})") from problem
    return _settings(tables)


def settings_to_text(settings: Settings) -> str:
    """Return all settings as one line of JSON: how the supervisor hands them to a worker."""
    return json.dumps(asdict(settings), default=str)


def settings_from_text(text: str) -> Settings:
    """Return what settings_to_text wrote."""
    return _settings(json.loads(text))


def with_overrides(settings: Settings, section: str, **values: object) -> Settings:
    """Return `settings` with those values of a section that are not None replaced."""
    given = {name: value for name, value in values.items() if value is not None}
    return replace(settings, **{section: replace(getattr(settings, section), **given)})


def _settings(tables: dict[str, object]) -> Settings:
    sections = get_type_hints(Settings)
    _check_known("", tables, list(sections))
    made = {name: _section(sections[name], name, table) for name, table in tables.items()}
    return Settings(**made)


def _section(kind: type, section: str, table: object) -> Any:
    if not isinstance(table, dict):
        raise SettingInvalid(section, table, f"a table, written [{section}]")
    hints = get_type_hints(kind)
    _check_known(f"{section}.", table, [one.name for one in fields(kind)])
    values = {key: _value(f"{section}.{key}", hints[key], value) for key, value in table.items()}
    return kind(**values)


def _check_known(prefix: str, table: dict[str, object], known: list[str]) -> None:
    for key, value in table.items():
        if key not in known:
            raise SettingInvalid(prefix + key, value, f"no such setting; known: {', '.join(known)}")


def _value(name: str, hint: Any, value: object) -> object:
    """Return a TOML value as the type the dataclass declares."""
    if get_args(hint):  # the one composed type here is tuple[str, ...]
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        raise SettingInvalid(name, value, "a list of strings")
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise SettingInvalid(name, value, f"a value of type {hint.__name__}")
    return value


def _check_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingInvalid(name, value, f"one of {', '.join(known)}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingInvalid(name, value, f"{low} to {high}")
