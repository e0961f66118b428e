"""CatalogService over real sockets: one worker, two workers, both clients, the command line."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from shortlist.client import (
    AsyncShortlist,
    FailedPrecondition,
    InvalidArgument,
    Shortlist,
)
from shortlist.client.cli.main import main
from shortlist.v1 import catalog_service_pb2 as c
from tests.server.processes.running import WAIT_S, Start, target_of
from tests.server.published import publish
from tests.server.rpc.sockets import Connection, connected, refusal_of, settings_for

CONNECTIONS = 12  # that all of them come to one of two workers happens once in 2,000 times


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Connection]:
    settings = settings_for(tmp_path)
    publish(settings.data.dir, "a", alias="live")
    with connected(settings) as connection:
        yield connection


def test_items_are_hidden_shown_and_deleted(served: Connection) -> None:
    with Shortlist(channel=served.channel) as shortlist:
        before = list(shortlist.retrieve(user="u001", count=10).item_ids)
        hidden = shortlist.hide_items([before[0], "not yet known"])
        assert (hidden.hidden_count, hidden.deleted_count, hidden.generation) == (2, 0, 1)
        deleted = shortlist.delete_items([before[1]])
        assert (deleted.hidden_count, deleted.deleted_count) == (2, 1)
        assert list(shortlist.retrieve(user="u001", count=8).item_ids) == before[2:]
        found = shortlist.retrieve(user="u001", candidates=before[:3])
        assert list(found.item_ids) == before[2:3]
        assert list(found.missing_ids) == [before[1]]
        with pytest.raises(FailedPrecondition) as refused:
            shortlist.show_items(before[:2])
        assert refused.value.reason == "ITEM_DELETED"
        shortlist.show_items([before[0]])
        shown = [before[0], *before[2:]]
        assert list(shortlist.retrieve(user="u001", count=9).item_ids) == shown


def test_the_list_comes_in_pages(served: Connection) -> None:
    with Shortlist(channel=served.channel) as shortlist:
        assert shortlist.hidden_items().items == ()
        shortlist.hide_items(["b", "d", "é" * 256])
        shortlist.delete_items(["a", "c"])
        pages: list[list[tuple[str, bool]]] = []
        token = ""
        while not pages or token:
            page = shortlist.hidden_items(page_size=2, page_token=token)
            pages.append([(one.item_id, one.deleted) for one in page.items])
            token = page.next_page_token
        expected = [("a", True), ("b", False), ("c", True), ("d", False), ("é" * 256, False)]
        assert [one for page in pages for one in page] == expected
        assert [len(one) for one in pages] == [2, 2, 1]
        assert (page.counts.hidden_count, page.counts.deleted_count) == (3, 2)


@pytest.mark.parametrize(
    ("ids", "field"),
    [([], "item_ids"), (["x"] * 10_001, "item_ids"), (["a", ""], "item_ids[1]")],
)
def test_a_bad_list_is_named(served: Connection, ids: list[str], field: str) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        served.catalogs.HideItems(c.HideItemsRequest(item_ids=ids))
    found = refusal_of(failure.value)
    assert (found.code, found.reason, found.fields) == (
        "INVALID_ARGUMENT",
        "FIELD_INVALID",
        [field],
    )


def test_the_asynchronous_client_does_the_same(served: Connection, tmp_path: Path) -> None:
    target = served.channel._channel.target().decode()  # type: ignore[attr-defined]

    async def run() -> None:
        async with AsyncShortlist(target) as shortlist:
            assert (await shortlist.hide_items(["i001"])).hidden_count == 1
            assert [one.item_id for one in (await shortlist.hidden_items()).items] == ["i001"]
            assert (await shortlist.show_items(["i001"])).hidden_count == 0
            assert (await shortlist.delete_items(["i001"])).deleted_count == 1
            with pytest.raises(InvalidArgument):
                await shortlist.hide_items([])

    asyncio.run(run())


def test_no_worker_returns_what_was_hidden_on_another(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the acknowledgment on: no worker may have an old list, not for a moment."""
    publish(tmp_path / "data", "a", alias="live")
    process = start("--port", "0", "--workers", "2")
    target = target_of(process)
    own = [("grpc.use_local_subchannel_pool", 1)]  # else all share one connection
    channels = [grpc.insecure_channel(target, own) for _ in range(CONNECTIONS)]
    clients = [Shortlist(channel=channel) for channel in channels]
    expected = list(clients[0].retrieve(user="u001", count=20).item_ids)
    for turn in range(12):
        clients[turn % CONNECTIONS].hide_items([expected.pop(0)])
        for shortlist in clients:
            found = shortlist.retrieve(user="u001", count=len(expected))
            assert list(found.item_ids)[: len(expected)] == expected
    assert main(["--target", target, "items", "delete", expected[0]]) == 0
    assert main(["--target", target, "items", "hidden", "--page-size", "12"]) == 0
    assert "now 12 hidden, 1 deleted" in (out := capsys.readouterr().out)
    assert "more: --page-token" in out
    for channel in channels:
        channel.close()
    process.send_signal(signal.SIGKILL)  # nothing acknowledged is lost
    process.communicate(timeout=WAIT_S)
    again = start("--port", "0")
    with Shortlist(target_of(again)) as shortlist:
        counts = shortlist.hidden_items().counts
        assert (counts.hidden_count, counts.deleted_count) == (12, 1)
        assert list(shortlist.retrieve(user="u001", count=5).item_ids) == expected[1:6]
