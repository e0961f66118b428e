"""The two clients: Shortlist waits for its answers, AsyncShortlist awaits them.

Both list the same calls, so that each call is written, typed and documented once.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import GenericAlias
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, get_args

import grpc

from shortlist.client import catalog_calls, model_calls, retrieval_calls, server_calls
from shortlist.client.call import Call, fill_catalog
from shortlist.client.connection import (
    Deadline,
    Retries,
    open_async_channel,
    open_channel,
    wait_before_retry,
)
from shortlist.client.errors import TrainingFailed, error_from_call
from shortlist.client.index_export import ExportedIndex, IndexWriter
from shortlist.client.progress import progress_of
from shortlist.client.training import TrainingJob

P = ParamSpec("P")
T = TypeVar("T")
CallT = TypeVar("CallT")
ClientT = TypeVar("ClientT")
ChannelT = TypeVar("ChannelT", grpc.Channel, grpc.aio.Channel)


def _verb(
    build: Callable[P, CallT], run: Callable[[ClientT, CallT], T]
) -> Callable[Concatenate[ClientT, P], T]:
    """Make a method that runs what `build` makes: its settings and documentation are build's."""

    def method(self: ClientT, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run(self, build(*args, **kwargs))

    functools.update_wrapper(method, build)
    vars(method)["__signature__"] = _signature(build, run)
    return method


def _signature(build: Callable[..., Any], run: Callable[..., Any]) -> inspect.Signature:
    """Return what inspect and help() show: `self`, build's settings, and what `run` gives."""
    settings = inspect.signature(build, eval_str=True)
    returned: Any = inspect.signature(run, eval_str=True).return_annotation
    of_call = get_args(settings.return_annotation)  # T of Call[T]
    if returned is T:
        returned = of_call[0]
    elif get_args(returned) == (T,):
        returned = returned[of_call]
    if inspect.iscoroutinefunction(run):
        returned = GenericAlias(Coroutine, (Any, Any, returned))
    client = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    return inspect.Signature([client, *settings.parameters.values()], return_annotation=returned)


class _Client(ABC, Generic[ChannelT]):
    """What both share: where calls go and how often they are tried."""

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        catalog: str = "",
        timeout_s: float | None = 10.0,
        retries: Retries = Retries(),  # noqa: B008 - frozen
        credentials: grpc.ChannelCredentials | None = None,
        channel: ChannelT | None = None,
    ) -> None:
        """Connect to `target`, or use a channel of the caller's, which then stays open.

        A call takes at most timeout_s (None: no limit), all its attempts together.
        """
        self._catalog, self._timeout_s, self._retries = catalog, timeout_s, retries
        self._owns_channel = channel is None
        self._channel: ChannelT = self._open(target, credentials) if channel is None else channel

    @abstractmethod
    def _open(self, target: str, credentials: grpc.ChannelCredentials | None) -> ChannelT: ...

    def _method(self, call: Call[Any]) -> Any:
        fill_catalog(call.request, self._catalog)
        make: Any = self._channel.unary_stream if call.is_last else self._channel.unary_unary
        return make(
            f"/{call.service}/{call.method}",
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.reply.FromString,
        )

    def _retries_of(self, call: Call[Any]) -> Retries:
        return self._retries if call.repeatable else Retries(attempts_max=1)


class Shortlist(_Client[grpc.Channel]):
    """A connection to a Shortlist server; safe to use from many threads.

    Every method raises ShortlistClientError or one of its kinds (client/errors.py). When the server
    is unavailable, a call is tried again within its time.
    """

    def _open(self, target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
        return open_channel(target, credentials)

    def close(self) -> None:
        """Close the channel, unless it is the caller's."""
        if self._owns_channel:
            self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _train(self, training: model_calls.Training) -> TrainingJob:
        job = self._run(training.start)
        with progress_of(training.progress) as show:
            for state in self.watch(job.job_id):
                show(job := state)
        if job.state != "succeeded":
            raise TrainingFailed(job)
        return job

    def _stream(self, call: Call[T]) -> Iterator[T]:
        """Yield replies up to the last; calls again when the connection breaks."""
        assert call.is_last, f"{call.method} answers once"
        attempt, ended = 1, False
        while not ended:
            try:
                for reply in self._method(call)(call.request):
                    attempt = 1
                    value = call.convert(reply)
                    ended = call.is_last(value)
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

    def export_index(self, output: str, model: str = "", *, catalog: str = "") -> ExportedIndex:
        """Write the graph of a model and its item ids here: a file that usearch reads.

        output: a folder, made where there is none, or a file whose name ends with .usearch.
        """
        with IndexWriter(output) as writer:
            for piece in self._stream(model_calls.export_index(model, catalog=catalog)):
                writer.take(piece)
            return writer.done()

    # A class body reads downwards: the calls come after what runs them.
    retrieve = _verb(retrieval_calls.retrieve, _run)
    retrieve_batch = _verb(retrieval_calls.retrieve_batch, _run)
    similar_users = _verb(retrieval_calls.similar_users, _run)
    embed = _verb(retrieval_calls.embed, _run)
    train = _verb(model_calls.train, _train)
    start_training = _verb(model_calls.start_training, _run)
    watch = _verb(model_calls.watch, _stream)
    training_job = _verb(model_calls.training_job, _run)
    training_jobs = _verb(model_calls.training_jobs, _run)
    cancel_training = _verb(model_calls.cancel_training, _run)
    model = _verb(model_calls.model, _run)
    models = _verb(model_calls.models, _run)
    delete_model = _verb(model_calls.delete_model, _run)
    set_alias = _verb(model_calls.set_alias, _run)
    aliases = _verb(model_calls.aliases, _run)
    evaluate = _verb(model_calls.evaluate, _run)
    export_candidates = _verb(model_calls.export_candidates, _stream)
    hide_items = _verb(catalog_calls.hide_items, _run)
    show_items = _verb(catalog_calls.show_items, _run)
    delete_items = _verb(catalog_calls.delete_items, _run)
    hidden_items = _verb(catalog_calls.hidden_items, _run)
    server_info = _verb(server_calls.server_info, _run)


class AsyncShortlist(_Client[grpc.aio.Channel]):
    """The same connection for asyncio: every method of Shortlist, awaited."""

    def _open(self, target: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
        return open_async_channel(target, credentials)

    async def close(self) -> None:
        """Close the channel, unless it is the caller's."""
        if self._owns_channel:
            await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _train(self, training: model_calls.Training) -> TrainingJob:
        job = await self._run(training.start)
        with progress_of(training.progress) as show:
            async for state in self.watch(job.job_id):
                show(job := state)
        if job.state != "succeeded":
            raise TrainingFailed(job)
        return job

    async def _stream(self, call: Call[T]) -> AsyncIterator[T]:
        """Yield replies up to the last; calls again when the connection breaks."""
        assert call.is_last, f"{call.method} answers once"
        attempt, ended = 1, False
        while not ended:
            try:
                async for reply in self._method(call)(call.request):
                    attempt = 1
                    value = call.convert(reply)
                    ended = call.is_last(value)
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

    async def export_index(
        self, output: str, model: str = "", *, catalog: str = ""
    ) -> ExportedIndex:
        """Do what Shortlist.export_index does."""
        with IndexWriter(output) as writer:
            async for piece in self._stream(model_calls.export_index(model, catalog=catalog)):
                writer.take(piece)
            return writer.done()

    # A class body reads downwards: the calls come after what runs them.
    retrieve = _verb(retrieval_calls.retrieve, _run)
    retrieve_batch = _verb(retrieval_calls.retrieve_batch, _run)
    similar_users = _verb(retrieval_calls.similar_users, _run)
    embed = _verb(retrieval_calls.embed, _run)
    train = _verb(model_calls.train, _train)
    start_training = _verb(model_calls.start_training, _run)
    watch = _verb(model_calls.watch, _stream)
    training_job = _verb(model_calls.training_job, _run)
    training_jobs = _verb(model_calls.training_jobs, _run)
    cancel_training = _verb(model_calls.cancel_training, _run)
    model = _verb(model_calls.model, _run)
    models = _verb(model_calls.models, _run)
    delete_model = _verb(model_calls.delete_model, _run)
    set_alias = _verb(model_calls.set_alias, _run)
    aliases = _verb(model_calls.aliases, _run)
    evaluate = _verb(model_calls.evaluate, _run)
    export_candidates = _verb(model_calls.export_candidates, _stream)
    hide_items = _verb(catalog_calls.hide_items, _run)
    show_items = _verb(catalog_calls.show_items, _run)
    delete_items = _verb(catalog_calls.delete_items, _run)
    hidden_items = _verb(catalog_calls.hidden_items, _run)
    server_info = _verb(server_calls.server_info, _run)
