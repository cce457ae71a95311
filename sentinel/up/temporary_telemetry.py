"""The telemetry store of a home for as long as a block lasts: to restore into it, or to verify."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pydantic import SecretStr

from sentinel.settings import Settings
from sentinel.up.home import TELEMETRY_PASSWORD, Home
from sentinel.up.processes import spawn
from sentinel.up.services import telemetry_of

if TYPE_CHECKING:
    from sentinel.store.telemetry.client import TelemetryClient

__all__ = ["telemetry_installed", "temporary_telemetry"]

_STARTS, _ANSWERS = 180, 3_600


def telemetry_installed() -> bool:
    """Return whether the libraries of the extra `telemetry` are installed."""
    return all(find_spec(name) is not None for name in ("chdb", "clickhouse_connect"))


@contextmanager
def temporary_telemetry(home: Home) -> Generator[tuple[TelemetryClient, Settings]]:
    """Start the store of a home on a free port; its data stays.

    Args:
        home: whose store nothing else has started

    Yields:
        A client that writes, which waits for the process when it is first used, and the settings
        that name the store.
    """
    from sentinel.store.telemetry.client import telemetry_client

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        service = telemetry_of(
            home, Settings().telemetry_memory, dict(os.environ), listener.fileno()
        )
        process = spawn(service)
        port = listener.getsockname()[1]
    password = home.secret(TELEMETRY_PASSWORD)
    url = SecretStr(f"http://sentinel:{password}@127.0.0.1:{port}")
    settings = Settings(home=home.root, telemetry_url=url)
    client = telemetry_client(settings, write=True, wait=_STARTS, answer=_ANSWERS)
    try:
        yield client, settings
    finally:
        client.close()
        process.send_signal(service.stop)
        process.wait(service.patience)
