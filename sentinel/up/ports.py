"""Ports on this machine: which is free, and who has one that is not."""

from __future__ import annotations

import socket
from collections.abc import Collection

import psutil

from sentinel.errors import ConfigurationError

__all__ = ["choose", "is_free", "owner"]

_NEXT = 100
"""How many ports after the wanted one are tried."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on `port` now.

    Args:
        port: 1 to 65535
        host: the address that it would listen on

    Returns:
        False where something listens there already, or the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do, so that a port in TIME_WAIT after our own restart counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def any_free(host: str = "127.0.0.1") -> int:
    """A port that nobody uses at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def choose(
    wanted: int,
    *,
    setting: str,
    explicit: bool,
    host: str = "127.0.0.1",
    taken: Collection[int] = (),
) -> int:
    """Choose the port to listen on.

    Args:
        wanted: the port asked for; 0 means any
        setting: name of the setting it came from, for the message
        explicit: a person chose it, so that another one would surprise them
        host: address to listen on
        taken: ports already promised to other parts of this start

    Returns:
        `wanted` where it is free, else the next free port, or any free port for 0.

    Raises:
        ConfigurationError: it was asked for explicitly and is taken, or none is free
    """
    if wanted == 0:
        return any_free(host)
    if wanted not in taken and is_free(wanted, host):
        return wanted
    if explicit:
        by = owner(wanted)
        raise ConfigurationError(
            f"port {wanted} ({setting}) is taken{f' by {by}' if by else ''}",
            hint=f"Free it, or set {setting} to another port (0 means any free one).",
        )
    for port in range(wanted + 1, min(wanted + _NEXT, 65535) + 1):
        if port not in taken and is_free(port, host):
            return port
    raise ConfigurationError(
        f"no port from {wanted} to {wanted + _NEXT} is free",
        hint=f"Set {setting} to one that is.",
    )


def owner(port: int) -> str:
    """Who listens on `port`, as far as we may know: `nginx (pid 12)`, or nothing."""
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""
