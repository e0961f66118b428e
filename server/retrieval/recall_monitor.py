"""Answers a share of the approximate searches again, exactly, when nobody waits for it.

One thread of low priority a worker. A request only leaves a note in a bounded queue; where that is
full the note is dropped and counted. The second answer is the first one's plan with the scan in
place of the index: same vectors, same restrictions and exclusions, whatever serves by then.
"""

from __future__ import annotations

import logging
import os
import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from shortlist.core.data.interactions import IntArray
from shortlist.server.domain.query import SearchMode
from shortlist.server.retrieval.plan import Method
from shortlist.server.retrieval.retrieve import Asked, rank
from shortlist.server.retrieval.search import Found
from shortlist.server.storage.live_recall import LiveRecallStore, Tally, cutoff_of

_LOG = logging.getLogger("shortlist.server")

WAITING_MAX = 64  # notes that keep models and vectors alive
STORE_S = 1.0  # how old sums may become before others see them
_NICENESS = 10


class RecallMonitor:
    """Watches the searches of one worker; `observe` may be called from any thread."""

    def __init__(
        self,
        store: LiveRecallStore,
        share: float,
        draw: Callable[[], float] = random.random,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """Start the thread; share 0: none, and nothing is sampled."""
        self._store, self._share, self._draw = store, share, draw
        self._waiting: queue.Queue[tuple[Asked, Found] | None] = queue.Queue(waiting_max)
        self._lock = threading.Lock()
        self._tallies: dict[tuple[str, str, int], Tally] = {}
        self._stored_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="recall", daemon=True)
        if share:
            self._thread.start()

    def observe(self, asked: Asked, found: Found) -> None:
        """Take a search into the sample, or not; never waits."""
        if found.report.mode is not SearchMode.APPROXIMATE or self._draw() >= self._share:
            return
        try:
            self._waiting.put_nowait((asked, found))
        except queue.Full:
            with self._lock:
                self._tally(asked).dropped += 1

    def close(self) -> None:
        """Answer what waits, store the sums, end the thread."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
        self._flush()

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while True:
            try:
                note = self._waiting.get(timeout=STORE_S)
            except queue.Empty:
                self._flush()
                continue
            if note is None:
                return
            try:
                self._measure(*note)
            except Exception:  # one odd query must not end the monitor
                _LOG.exception("cannot answer a sampled query exactly")
            if time.monotonic() - self._stored_at >= STORE_S:
                self._flush()

    def _measure(self, asked: Asked, found: Found) -> None:
        scanned = replace(asked, plan=replace(asked.plan, methods=(Method.SCAN,)))
        exact = rank(scanned, asked.variety.fetch)
        recall = recall_of(found.rows, exact.rows)
        with self._lock:
            tally = self._tally(asked)
            tally.queries += 1
            tally.total += recall
            tally.squares += recall * recall

    def _tally(self, asked: Asked) -> Tally:
        name = asked.query.catalog, asked.model.model_id, cutoff_of(asked.variety.fetch)
        return self._tallies.setdefault(name, Tally(*name))

    def _flush(self) -> None:
        self._stored_at = time.monotonic()
        with self._lock:
            tallies, self._tallies = self._tallies, {}
        if not tallies:
            return
        try:
            self._store.add(tallies.values())
        except Exception:  # a full disk: these sums are lost, serving is not
            _LOG.exception("cannot store live recall")


def recall_of(found: IntArray, exact: IntArray) -> float:
    """Return the share of the exact rows that were found; of nothing, everything."""
    return float(np.isin(exact, found).mean()) if len(exact) else 1.0
