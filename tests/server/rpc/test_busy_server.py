"""A server that is full, loading, draining or broken says so over a real socket."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shortlist.server.serving.serving_model import ServingModel
from shortlist.v1 import model_service_pb2 as m
from shortlist.v1 import retrieval_service_pb2 as r
from tests.server.published import publish
from tests.server.rpc.refusals import USER, check, refused, train, write_events
from tests.server.rpc.sockets import connected, settings_for


def test_a_full_queue(tmp_path: Path) -> None:
    """No supervisor runs here, so the first job stays in the queue of one."""
    settings = settings_for(tmp_path, queue_max=1)
    request = train(write_events(tmp_path))
    with connected(settings) as connection:
        accepted = connection.models.Train(request)
        found = refused(lambda: connection.models.Train(request))
        check(found, "RESOURCE_EXHAUSTED", "OVERLOADED")
        job = connection.models.GetTrainingJob(m.GetTrainingJobRequest(job_id=accepted.job_id))
        assert job == accepted


def test_too_many_calls_in_flight(tmp_path: Path) -> None:
    """The call beyond the limit is refused while the first one still runs."""
    settings = settings_for(tmp_path, in_flight_max=1)
    publish(settings.data.dir, "a")
    entered, release = threading.Event(), threading.Event()

    def slow_load(folder: Path) -> ServingModel:
        entered.set()
        release.wait()
        raise ZeroDivisionError

    request = r.RetrieveRequest(model="a", query=USER)
    with connected(settings, slow_load) as connection, ThreadPoolExecutor(1) as pool:
        first = pool.submit(refused, lambda: connection.retrieval.Retrieve(request))
        entered.wait()
        second = refused(lambda: connection.retrieval.Retrieve(request))
        release.set()
        check(second, "RESOURCE_EXHAUSTED", "OVERLOADED")
        check(first.result(), "INTERNAL", "BUG")


def test_too_many_watches(tmp_path: Path) -> None:
    with connected(settings_for(tmp_path, watches_max=1)) as connection:
        job_id = connection.models.Train(train(write_events(tmp_path))).job_id
        request = m.WatchTrainingJobRequest(job_id=job_id)
        first = connection.models.WatchTrainingJob(request)
        assert next(first).job_id == job_id
        found = refused(lambda: list(connection.models.WatchTrainingJob(request)))
        check(found, "RESOURCE_EXHAUSTED", "OVERLOADED")
        first.cancel()


def test_a_model_that_does_not_fit_in_memory(tmp_path: Path) -> None:
    def load(folder: Path) -> ServingModel:
        raise MemoryError

    settings = settings_for(tmp_path)
    publish(settings.data.dir, "a")
    with connected(settings, load) as connection:
        request = r.RetrieveRequest(model="a", query=USER)
        check(
            refused(lambda: connection.retrieval.Retrieve(request)), "RESOURCE_EXHAUSTED", "MEMORY"
        )


def test_a_server_that_is_still_loading(tmp_path: Path) -> None:
    with connected(settings_for(tmp_path), loaded=False) as connection:
        request = r.RetrieveRequest(query=USER)
        check(refused(lambda: connection.retrieval.Retrieve(request)), "UNAVAILABLE", "LOADING")


def test_a_server_that_is_draining(tmp_path: Path) -> None:
    """A watch may last for hours: it ends when the server does, with the reason."""
    with connected(settings_for(tmp_path)) as connection:
        job_id = connection.models.Train(train(write_events(tmp_path))).job_id
        stream = connection.models.WatchTrainingJob(m.WatchTrainingJobRequest(job_id=job_id))
        next(stream)
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(connection.server.stop, 5.0)
            check(refused(lambda: next(stream)), "UNAVAILABLE", "DRAINING")
            stopping.result()


def test_a_stored_model_with_one_wrong_byte(tmp_path: Path) -> None:
    """A flipped bit on disk must not become a recommendation."""
    settings = settings_for(tmp_path)
    folder = publish(settings.data.dir, "a")
    victim = next(folder.glob("items*"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with connected(settings) as connection:
        request = r.RetrieveRequest(model="a", query=USER)
        found = refused(lambda: connection.retrieval.Retrieve(request))
        check(found, "DATA_LOSS", "ARTIFACT_CORRUPT")
        alias = m.SetAliasRequest(model_id="a")
        check(refused(lambda: connection.models.SetAlias(alias)), "DATA_LOSS", "ARTIFACT_CORRUPT")
