"""Calls in JSON, as the contract writes its messages, to a server that is a process of its own.

Nothing here knows the inside of a server, so that what one commit recorded can be asked of another.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from shortlist.v1 import catalog_service_pb2, model_service_pb2, retrieval_service_pb2

Json = dict[str, Any]
REPLIES = "replies.json"  # the record in an archive: entries of name, method, request and reply
EVERYTHING = "everything"  # name of entries whose replies say all that a training made
_FILES = (catalog_service_pb2, model_service_pb2, retrieval_service_pb2)
_SERVICES = {
    service.name: service
    for file in _FILES
    for service in file.DESCRIPTOR.services_by_name.values()
}


class Conversation:
    """Asks one server; FOLDER in a request is the folder that it may read."""

    def __init__(self, channel: grpc.Channel, folder: Path) -> None:
        self._channel, self._folder = channel, folder

    def ask(self, method: str, request: Json) -> Json:
        """Return the reply to "Service.Method", or what a refusal says: code and reason.

        Of a stream: its last message. Every field without presence is there, empty ones too.
        """
        service, name = method.split(".")
        described = _SERVICES[service].methods_by_name[name]
        text = json.dumps(request).replace("FOLDER", str(self._folder))
        asked = json_format.Parse(text, _message(described.input_type))
        path = f"/{_SERVICES[service].full_name}/{name}"
        kinds = (self._channel.unary_unary, self._channel.unary_stream)
        call = kinds[described.server_streaming](
            path,
            request_serializer=type(asked).SerializeToString,
            response_deserializer=type(_message(described.output_type)).FromString,
        )
        try:
            reply: Any = call(asked, timeout=120)
            if described.server_streaming:
                *_, reply = reply
        except grpc.RpcError as refusal:
            return {"refused": _refusal(refusal)}
        return json_format.MessageToDict(reply, always_print_fields_with_no_presence=True)


@contextmanager
def served(folder: Path, training_threads: int = 1) -> Iterator[Conversation]:
    """Run a server over folder/data that may read what lies in `folder`, on a free port."""
    config = folder / "shortlist.toml"
    config.write_text(f"[training]\nthreads = {training_threads}\n")
    command = [sys.executable, "-m", "shortlist.server", "serve", "--config", str(config)]
    command += ["--data-dir", str(folder / "data"), "--data-root", str(folder)]
    command += ["--port", "0", "--recall-share", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    try:
        target = process.stdout.readline().strip().removeprefix("serving on ")
        with grpc.insecure_channel(target) as channel:
            yield Conversation(channel, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=60)
        process.stdout.close()
    assert status == 0, "a drained server exits with 0"


def train(conversation: Conversation, request: Json) -> None:
    """Have a model trained; return once it is published."""
    job = conversation.ask("ModelService.Train", request)
    last = conversation.ask("ModelService.WatchTrainingJob", {"jobId": job.get("jobId", str(job))})
    assert last.get("state") == "JOB_STATE_SUCCEEDED", json.dumps(last)


def numbers_of(reply: Json) -> dict[str, list[float]]:
    """Return the numbers of a Retrieve by item, those of an Embed by place; none of a refusal."""
    if "refused" in reply:
        return {reply["refused"]["reason"]: []}
    if "embeddings" in reply:
        return {str(place): one["values"] for place, one in enumerate(reply["embeddings"])}
    pairs = zip(reply["itemIds"], reply["scores"], strict=True)
    return {item_id: [score] for item_id, score in pairs}


def _message(described: Any) -> Any:
    return described._concrete_class()


def _refusal(problem: grpc.RpcError) -> Json:
    status = rpc_status.from_call(problem)
    assert status is not None, problem
    info = error_details_pb2.ErrorInfo()
    unpacked = [detail for detail in status.details if detail.Unpack(info)]
    assert unpacked, status
    return {"code": status.code, "reason": info.reason}
