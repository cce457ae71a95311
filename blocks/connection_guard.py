"""Look at every connection that a library opens, where the library does not say what it reaches.

The interpreter announces each connection before it is made, with the address that was resolved
(https://docs.python.org/3/library/audit_events.html, `socket.connect`), and an error there prevents
it. This holds for the thread that does the work, not for threads that the work starts. A hook stays
for the life of the process, so it is set when the first guard is used.
"""

from __future__ import annotations

import functools
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from blocks.address_guard import is_allowed, networks_of, refusal
from sentinel.errors import DeliveryError
from sentinel.settings import settings

__all__ = ["ConnectionGuard"]

_EVENTS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))


class ConnectionGuard:
    """Refuses the connections of a piece of work to addresses that no channel may reach.

    A proxy of the environment may be reached wherever it is, as in `AddressGuard`.

    Args:
        what: what is asked, in a sentence

    Attributes:
        refused: why a connection was refused, permanent; None where all were allowed
    """

    def __init__(self, what: str) -> None:
        self.refused: DeliveryError | None = None
        self._what = what
        self._networks = networks_of(settings().allowed_networks)
        self._proxies = _proxies()

    @contextmanager
    def watching(self) -> Generator[None]:
        """Judge the connections of this thread inside the block."""
        _listen()
        before = _ACTIVE.set(self)
        try:
            yield
        finally:
            _ACTIVE.reset(before)

    def judge(self, address: Any) -> None:
        """Refuse an address of a socket, in any form that sockets take.

        Raises:
            PermissionError: it is none of IPv4 or IPv6, or not allowed; an error of the system, so
                that whoever connects closes the socket
        """
        try:
            host, port = str(address[0]), int(address[1])
            if (host, port) in self._proxies or is_allowed(host, self._networks):
                return
        except (TypeError, ValueError, IndexError):
            pass  # a socket of this machine, or a name that was not resolved yet
        self.refused = refusal(self._what)
        raise PermissionError(str(self.refused))


_ACTIVE: ContextVar[ConnectionGuard | None] = ContextVar("connection_guard", default=None)


@functools.cache
def _listen() -> None:
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS and (guard := _ACTIVE.get()) is not None and arguments[-1] is not None:
        guard.judge(arguments[-1])


def _proxies() -> set[tuple[str, int]]:
    """Return the addresses of the proxies that the environment names."""
    found: set[tuple[str, int]] = set()
    for url in {url for name, url in getproxies().items() if name in ("http", "https", "all")}:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port or (443 if parts.scheme == "https" else 80)
            rows = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError):
            continue  # connecting says why
        found |= {(str(address[0]), port) for *_, address in rows}
    return found
