"""The two clients: Shortlist waits for its answers, AsyncShortlist awaits them.

Both list the same calls, so that each call is written, typed and documented once.
"""

from __future__ import annotations

import asyncio
import functools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import grpc

from shortlist.client import catalog_calls, model_calls, retrieval_calls
from shortlist.client.call import Call, fill_catalog
from shortlist.client.connection import Deadline, Retries, open_channel, wait_before_retry
from shortlist.client.errors import TrainingFailed, error_from_call
from shortlist.client.exports import ExportProgress
from shortlist.client.index_export import ExportedIndex, IndexWriter
from shortlist.client.progress import Progress, progress_of
from shortlist.client.training import TrainingJob

P = ParamSpec("P")
T = TypeVar("T")


class _Client:
    """What both share: where calls go and how often they are tried."""

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        catalog: str = "",
        timeout_s: float | None = 10.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        credentials: grpc.ChannelCredentials | None = None,
        channel: grpc.Channel | grpc.aio.Channel | None = None,
    ) -> None:
        """Connect to `target`, or use a channel of the caller's, which then stays open.

        A call takes at most timeout_s (None: no limit), all its attempts together.
        """
        self._catalog, self._timeout_s, self._retries = catalog, timeout_s, retries
        self._owns_channel = channel is None
        asynchronous = isinstance(self, AsyncShortlist)
        self._channel: Any = channel or open_channel(target, credentials, asynchronous)

    def _method(self, call: Call[Any]) -> Any:
        fill_catalog(call.request, self._catalog)
        make = self._channel.unary_stream if call.streaming else self._channel.unary_unary
        return make(
            f"/{call.service}/{call.method}",
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.reply.FromString,
        )

    def _retries_of(self, call: Call[Any]) -> Retries:
        return self._retries if call.repeatable else Retries(attempts_max=1)


def _verb(build: Callable[P, Call[T]]) -> Callable[Concatenate[Shortlist, P], T]:
    """Make a method of a call: its signature and documentation are the call's."""

    def method(self: Shortlist, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(build(*args, **kwargs))

    functools.update_wrapper(method, build)
    return method


def _async_verb(
    build: Callable[P, Call[T]],
) -> Callable[Concatenate[AsyncShortlist, P], Awaitable[T]]:
    """Make an awaitable method of a call."""

    def method(self: AsyncShortlist, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self._run(build(*args, **kwargs))

    functools.update_wrapper(method, build)
    return method


class Shortlist(_Client):
    """A connection to a Shortlist server; safe to use from many threads.

    Every method raises ShortlistClientError or one of its kinds (client/errors.py). When the server
    is unavailable, a call is tried again within its time.
    """

    retrieve = _verb(retrieval_calls.retrieve)
    retrieve_batch = _verb(retrieval_calls.retrieve_batch)
    similar_users = _verb(retrieval_calls.similar_users)
    embed = _verb(retrieval_calls.embed)
    start_training = _verb(model_calls.start_training)
    training_job = _verb(model_calls.training_job)
    training_jobs = _verb(model_calls.training_jobs)
    cancel_training = _verb(model_calls.cancel_training)
    model = _verb(model_calls.model)
    models = _verb(model_calls.models)
    delete_model = _verb(model_calls.delete_model)
    set_alias = _verb(model_calls.set_alias)
    aliases = _verb(model_calls.aliases)
    evaluate = _verb(model_calls.evaluate)
    hide_items = _verb(catalog_calls.hide_items)
    show_items = _verb(catalog_calls.show_items)
    delete_items = _verb(catalog_calls.delete_items)
    hidden_items = _verb(catalog_calls.hidden_items)

    def watch(self, job_id: str) -> Iterator[TrainingJob]:
        """Yield a job's state whenever it changes, until it has ended; re-attaches by itself."""
        return self._stream(model_calls.watch(job_id), lambda job: job.has_ended)

    @functools.wraps(model_calls.export_candidates)
    def export_candidates(self, kind: str = "users", **settings: Any) -> Iterator[ExportProgress]:
        call = model_calls.export_candidates(kind, **settings)
        return self._stream(call, lambda progress: progress.is_done)

    def export_index(self, output: str, model: str = "", *, catalog: str = "") -> ExportedIndex:
        """Write the graph of a model and its item ids here: a file that usearch reads.

        output: a folder, made where there is none, or a file whose name ends with .usearch.
        """
        with IndexWriter(output) as writer:
            call = model_calls.export_index(model, catalog=catalog)
            for piece in self._stream(call, lambda _: False):
                writer.take(piece)
            return writer.done()

    def train(self, *args: Any, progress: bool | Progress = True, **kwargs: Any) -> TrainingJob:
        """Do what start_training does, show the progress, and return the job once it has succeeded.

        progress: True draws a bar on stderr, False nothing; or a function that gets each job state.
        Raises TrainingFailed when the job ended otherwise. Ctrl-C detaches; the job goes on.
        """
        kwargs.setdefault("request_id", uuid.uuid4().hex)
        job = self.start_training(*args, **kwargs)
        with progress_of(progress) as show:
            for state in self.watch(job.job_id):
                show(job := state)
        if job.state != "succeeded":
            raise TrainingFailed(job)
        return job

    def close(self) -> None:
        """Close the channel, unless it is the caller's."""
        if self._owns_channel:
            self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stream(self, call: Call[T], is_last: Callable[[T], bool]) -> Iterator[T]:
        """Yield replies up to the last; calls again when the connection breaks."""
        attempt, ended = 1, False
        while not ended:
            try:
                for reply in self._method(call)(call.request):
                    attempt = 1
                    value = call.convert(reply)
                    ended = is_last(value)
                    yield value
                return
            except grpc.RpcError as failure:
                error = error_from_call(failure)
                wait = wait_before_retry(error, attempt, self._retries, Deadline(None))
                if wait is None:
                    raise error from failure
                attempt += 1
                time.sleep(wait)

    def _run(self, call: Call[T]) -> T:
        deadline, attempt = Deadline(self._timeout_s), 1
        while True:
            try:
                return call.convert(self._method(call)(call.request, timeout=deadline.left_s()))
            except grpc.RpcError as failure:
                error = error_from_call(failure)
                wait = wait_before_retry(error, attempt, self._retries_of(call), deadline)
                if wait is None:
                    raise error from failure
                attempt += 1
                time.sleep(wait)


class AsyncShortlist(_Client):
    """The same connection for asyncio: every method of Shortlist, awaited."""

    retrieve = _async_verb(retrieval_calls.retrieve)
    retrieve_batch = _async_verb(retrieval_calls.retrieve_batch)
    similar_users = _async_verb(retrieval_calls.similar_users)
    embed = _async_verb(retrieval_calls.embed)
    start_training = _async_verb(model_calls.start_training)
    training_job = _async_verb(model_calls.training_job)
    training_jobs = _async_verb(model_calls.training_jobs)
    cancel_training = _async_verb(model_calls.cancel_training)
    model = _async_verb(model_calls.model)
    models = _async_verb(model_calls.models)
    delete_model = _async_verb(model_calls.delete_model)
    set_alias = _async_verb(model_calls.set_alias)
    aliases = _async_verb(model_calls.aliases)
    evaluate = _async_verb(model_calls.evaluate)
    hide_items = _async_verb(catalog_calls.hide_items)
    show_items = _async_verb(catalog_calls.show_items)
    delete_items = _async_verb(catalog_calls.delete_items)
    hidden_items = _async_verb(catalog_calls.hidden_items)

    def watch(self, job_id: str) -> AsyncIterator[TrainingJob]:
        """Yield a job's state whenever it changes, until it has ended; re-attaches by itself."""
        return self._stream(model_calls.watch(job_id), lambda job: job.has_ended)

    @functools.wraps(model_calls.export_candidates)
    def export_candidates(
        self, kind: str = "users", **settings: Any
    ) -> AsyncIterator[ExportProgress]:
        call = model_calls.export_candidates(kind, **settings)
        return self._stream(call, lambda progress: progress.is_done)

    async def export_index(
        self, output: str, model: str = "", *, catalog: str = ""
    ) -> ExportedIndex:
        """Do what Shortlist.export_index does."""
        with IndexWriter(output) as writer:
            call = model_calls.export_index(model, catalog=catalog)
            async for piece in self._stream(call, lambda _: False):
                writer.take(piece)
            return writer.done()

    async def train(
        self, *args: Any, progress: bool | Progress = True, **kwargs: Any
    ) -> TrainingJob:
        """Do what Shortlist.train does."""
        kwargs.setdefault("request_id", uuid.uuid4().hex)
        job = await self.start_training(*args, **kwargs)
        with progress_of(progress) as show:
            async for state in self.watch(job.job_id):
                show(job := state)
        if job.state != "succeeded":
            raise TrainingFailed(job)
        return job

    async def close(self) -> None:
        """Close the channel, unless it is the caller's."""
        if self._owns_channel:
            await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _stream(self, call: Call[T], is_last: Callable[[T], bool]) -> AsyncIterator[T]:
        """Yield replies up to the last; calls again when the connection breaks."""
        attempt, ended = 1, False
        while not ended:
            try:
                async for reply in self._method(call)(call.request):
                    attempt = 1
                    value = call.convert(reply)
                    ended = is_last(value)
                    yield value
                return
            except grpc.aio.AioRpcError as failure:
                error = error_from_call(failure)
                wait = wait_before_retry(error, attempt, self._retries, Deadline(None))
                if wait is None:
                    raise error from failure
                attempt += 1
                await asyncio.sleep(wait)

    async def _run(self, call: Call[T]) -> T:
        deadline, attempt = Deadline(self._timeout_s), 1
        while True:
            try:
                reply = await self._method(call)(call.request, timeout=deadline.left_s())
                return call.convert(reply)
            except grpc.aio.AioRpcError as failure:
                error = error_from_call(failure)
                wait = wait_before_retry(error, attempt, self._retries_of(call), deadline)
                if wait is None:
                    raise error from failure
                attempt += 1
                await asyncio.sleep(wait)
