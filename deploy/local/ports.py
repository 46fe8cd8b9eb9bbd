"""Ports of 127.0.0.1: the preferred one where it is free, else another."""

import random
import socket
from collections.abc import Collection

from deploy.local.errors import NoFreePortError

# Below the ports that systems give to outgoing connections: among those, a client that keeps
# calling a stopped server can reach itself, and then holds the port that the server needs.
_OTHERS = range(20_000, 32_000)
_TRIES = 200


def choose(*preferred: int, taken: Collection[int] = ()) -> int:
    """Return the first preferred port that is free and not promised to others, else another.

    Somebody may still take it before it is used; then the server that needs it says so and ends.
    Raises NoFreePortError.
    """
    for port in (*preferred, *random.sample(_OTHERS, _TRIES)):
        if port not in taken and _is_free(port):
            return port
    raise NoFreePortError(f"none of {_TRIES} ports is free on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections that linger from the last run do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
