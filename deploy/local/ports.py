"""Ports: the preferred one where it is free, else any free one."""

import socket
from collections.abc import Iterable


def choose(preferred: int, taken: Iterable[int] = ()) -> int:
    """Return the preferred port if it is free and promised to nobody; 0 and taken: any other.

    Another process may still take it before we do; then the server says so and we start over.
    """
    if preferred and preferred not in set(taken) and _is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
