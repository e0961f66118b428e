"""GET /metrics over a real socket."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from shortlist.core.errors import SettingInvalid
from shortlist.server.processes.metrics import CONTENT_TYPE, MetricsServer
from shortlist.server.storage.live_recall import LiveRecallStore, Tally


def test_the_page_shows_what_is_stored_now(tmp_path: Path) -> None:
    store = LiveRecallStore(tmp_path)
    server = MetricsServer("127.0.0.1", 0, store)
    address = f"http://127.0.0.1:{server.port}"
    try:
        for queries in (1, 2):
            store.add([Tally("default", "m1", 100, 1, 0.5, 0.25)])
            with urllib.request.urlopen(f"{address}/metrics", timeout=10) as reply:
                assert reply.headers["Content-Type"] == CONTENT_TYPE
                text = reply.read().decode()
            labels = '{catalog="default",model="m1",k="100"}'
            assert f"shortlist_index_recall{labels} 0.5\n" in text
            assert f"shortlist_index_recall_queries_total{labels} {queries}\n" in text
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"{address}/other", timeout=10)
        assert refusal.value.code == 404
        refusal.value.close()
    finally:
        server.close()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    store = LiveRecallStore(tmp_path)
    server = MetricsServer("127.0.0.1", 0, store)
    try:
        with pytest.raises(SettingInvalid, match=r"monitoring\.metrics_port"):
            MetricsServer("127.0.0.1", server.port, store)
    finally:
        server.close()
