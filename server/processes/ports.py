"""Picks the one port that several worker processes share."""

import socket
from dataclasses import dataclass

from shortlist.core.errors import SettingInvalid


@dataclass(frozen=True, slots=True)
class HeldPort:
    """A port that is ours while this is open; bound but not listening, so it takes no calls."""

    port: int
    _socket: socket.socket

    def close(self) -> None:
        """Give the port up."""
        self._socket.close()


def hold_port(host: str, port: int) -> HeldPort:
    """Bind a port for workers that share it with SO_REUSEPORT; 0: any free one.

    With SO_REUSEPORT a second, unrelated server could take every other connection without anybody
    noticing, so the port must be free without that option first.
    Raises SettingInvalid when it is taken or the host is no address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            chosen = probe.getsockname()[1]
        held = socket.socket(family, kind, protocol)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((address[0], chosen, *address[2:]))
    except OSError as problem:
        raise SettingInvalid(
            "server.port", f"{host}:{port}", f"a free address ({problem})"
        ) from problem
    return HeldPort(chosen, held)
