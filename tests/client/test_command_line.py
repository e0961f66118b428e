"""What the command line makes of its options before it asks a server."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from shortlist.client import Freshness, Index, TimeWindow
from shortlist.client.cli.index import index_of
from shortlist.client.cli.main import build_parser, main
from shortlist.client.cli.restrictions import restrictions_of
from shortlist.client.cli.retrieve import features_of, history_of
from shortlist.v1 import CONTRACT_REVISION
from shortlist.v1 import model_service_pb2 as models_pb2
from shortlist.v1 import server_service_pb2 as server_pb2
from tests.recorded_server import recorded_server


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--history", "a", "b=c"], "--history: what follows the last = of 'b=c' is no number"),
        (["--history", "a=1@noon"], "--history: what follows the @ of 'a=1@noon' is no ISO 8601"),
        (["--history", "a=b@2026-01-02"], "--history: what follows the last = of"),
        (["--user", "u", "--max-per-value", "city"], "--max-per-value is ATTRIBUTE=N"),
        (["--user", "u", "--max-per-value", "city=-1"], "--max-per-value is ATTRIBUTE=N"),
        (["--user", "u", "--max-per-value", "=2"], "--max-per-value is ATTRIBUTE=N"),
        (["--user", "u", "--freshness-weight", "0.5"], "--freshness-weight needs --half-life"),
        (["--user", "u", "--time-attribute", "at"], "--time-attribute needs --after"),
        (["--user", "u", "--items", "i"], "a query is one of"),
        ([], "a query is one of"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(
    options: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--target", "localhost:1", "retrieve", *options]) == 2
    assert capsys.readouterr().err.startswith(f"shortlist: {problem}")


@pytest.mark.parametrize("option", ["--age-max", "--half-life"])
@pytest.mark.parametrize("text", ["9" * 30 + "w", "-1h", "1y", "h", ""])
def test_what_is_no_duration_is_a_wrong_option(
    option: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["retrieve", "--user", "u", f"{option}={text}"])
    assert option in capsys.readouterr().err


def test_no_duration_is_left_out_in_silence() -> None:
    """A window of no time is the server's to refuse, not to forget."""
    given = ["retrieve", "--user", "u", "--age-max", "0d", "--half-life", "0s"]
    asked = restrictions_of(build_parser().parse_args(given))
    assert asked["window"] == TimeWindow(age_max=timedelta(0))
    assert asked["freshness"] == Freshness(timedelta(0))


def test_an_id_may_hold_an_equals_sign() -> None:
    assert features_of(["age=25", "likes=a=b", "city="]) == {
        "age": "25",
        "likes": "a=b",
        "city": "",
    }
    for wrong in ("age", "=25"):
        with pytest.raises(ValueError, match="NAME=VALUE"):
            features_of([wrong])
    assert history_of(["a", "b=2", "c=d=-1"]) == ["a", ("b", 2.0), ("c=d", -1.0)]
    day, moment = datetime(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    given = ["a@b=1@2026-01-02", "c==@2026-01-02T03:04:05Z"]
    assert history_of(given) == [("a@b", 1.0, day), ("c=", None, moment)]


def test_a_list_of_models_names_what_a_basic_view_has(capsys: pytest.CaptureFixture[str]) -> None:
    basic = models_pb2.Model(model_id="a", algorithm="sgd", dim=4, aliases=["live"])
    with recorded_server() as recorded:
        recorded.will_answer("ListModels", models_pb2.ListModelsResponse(models=[basic]))
        assert main(["--target", recorded.target, "models", "list"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert [cell for cell in row.split() if cell in ("a", "sgd", "live")] == ["a", "sgd", "live"]


def test_info_shows_both_revisions_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    info = server_pb2.ServerInfo(version="1.2", contract_revision=9, algorithms=["wals", "sgd"])
    with recorded_server() as recorded:
        recorded.will_answer("GetServerInfo", info)
        assert main(["--target", recorded.target, "info"]) == 0
        shown = capsys.readouterr().out.splitlines()
        assert main(["--target", recorded.target, "info", "--json"]) == 0
    assert shown == [
        "version     1.2",
        "commit      not known",
        f"contract    revision 9, this client's {CONTRACT_REVISION}",
        "algorithms  wals, sgd",
        "extras      none",
    ]
    assert json.loads(capsys.readouterr().out)["contract_revision"] == 9


def test_every_option_of_an_index_is_sent_and_none_unasked() -> None:
    train = ["train", "--interactions", "events.parquet"]
    options = ["--index", "usearch", "--index-connectivity", "16", "--index-expansion-add", "64"]
    options += ["--index-dtype", "i8", "--index-parallel-build"]
    asked = index_of(build_parser().parse_args([*train, *options]))
    assert asked == Index("usearch", 16, 64, "i8", True)
    assert index_of(build_parser().parse_args(train)) is None
    assert index_of(build_parser().parse_args([*train, "--index", "exact"])) == Index("exact")
    # Without a kind they are sent too, for the server to refuse.
    assert index_of(build_parser().parse_args([*train, "--index-dtype", "i8"])) == Index(dtype="i8")


def test_shared_options_stand_before_the_command_or_behind_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And what looks like a number is a value, as in --min-score -1."""
    behind = ["retrieve", "--user", "u", "--min-score", "-1", "--timeout", "1", "--json"]
    for arguments in (["--target", "localhost:1", *behind], [*behind, "--target", "localhost:1"]):
        assert main(arguments) == 3
        assert "no server answers at localhost:1" in capsys.readouterr().err
