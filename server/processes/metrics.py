"""GET /metrics: what the server measures about itself, in the Prometheus text format (0.0.4)."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shortlist.core.errors import SettingInvalid
from shortlist.server.storage.live_recall import LiveRecallStore, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CLIENT_TIMEOUT_S = 5.0


class MetricsServer:
    """Answers over HTTP until it is closed; a thread of the process that makes it."""

    def __init__(self, host: str, port: int, store: LiveRecallStore) -> None:
        """Bind at once, port 0: any free one. Raises SettingInvalid when the address is taken."""

        class Handler(BaseHTTPRequestHandler):
            timeout = CLIENT_TIMEOUT_S

            def do_GET(self) -> None:
                if self.path.partition("?")[0] != "/metrics":
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                body = metrics_text(store.all()).encode()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: a scrape every few seconds is no event."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as problem:
            allowed = "a free address of this host"
            raise SettingInvalid("monitoring.metrics_port", f"{host}:{port}", allowed) from problem
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def metrics_text(tallies: list[Tally]) -> str:
    """Return the page; names of catalogs and models hold nothing that needs escaping."""
    measured = [tally for tally in tallies if tally.queries]
    recall = "shortlist_index_recall"
    error = f"{recall}_standard_error"
    queries = f"{recall}_queries"
    dropped = f"{recall}_dropped"
    lines = [
        f"# HELP {recall} Share of the exact results that sampled approximate searches found.",
        f"# TYPE {recall} gauge",
        *(f"{recall}{_labels(tally)} {tally.recall:.6g}" for tally in measured),
        f"# HELP {error} Standard error of {recall}.",
        f"# TYPE {error} gauge",
        *(f"{error}{_labels(tally)} {tally.standard_error:.6g}" for tally in measured),
        f"# HELP {queries}_total Approximate searches that were answered exactly again.",
        f"# TYPE {queries}_total counter",
        *(f"{queries}_total{_labels(tally)} {tally.queries}" for tally in tallies),
        f"# HELP {dropped}_total Sampled searches that were not, because too many waited.",
        f"# TYPE {dropped}_total counter",
        *(f"{dropped}_total{_labels(tally)} {tally.dropped}" for tally in tallies),
    ]
    return "\n".join(lines) + "\n"


def _labels(tally: Tally) -> str:
    return f'{{catalog="{tally.catalog}",model="{tally.model_id}",k="{tally.cutoff}"}}'
