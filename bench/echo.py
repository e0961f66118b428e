"""The peer of bench/rpc.py: a gRPC server that answers every call with the same bytes.

`python -m bench.echo LENGTH` reads LENGTH bytes from standard input and prints its address.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc


class Echo(grpc.GenericRpcHandler):
    def __init__(self, reply: bytes) -> None:
        self._handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            lambda _request, _context: reply
        )

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return self._handler


def serve(reply: bytes) -> None:
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Echo(reply),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    serve(sys.stdin.buffer.read(int(sys.argv[1])))
