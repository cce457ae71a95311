"""What the API listens to beside HTTP, where the settings ask for it."""

from __future__ import annotations

from typing import Protocol

from fastapi import FastAPI

from sentinel.api.mail_server import mail_server_of
from sentinel.api.otlp_grpc import otlp_grpc_of
from sentinel.api.syslog_server import syslog_of
from sentinel.settings import Settings

__all__ = ["Listeners"]


class _Listening(Protocol):
    async def close(self) -> None: ...


class Listeners:
    """The servers of syslog, of mails and of OTLP over gRPC, between `start` and `close`."""

    def __init__(self) -> None:
        self._open: list[_Listening] = []

    async def start(self, app: FastAPI, settings: Settings) -> None:
        """Listen to what the settings ask for.

        Args:
            app: whose store, queue and routes take what arrives
            settings: that name ports

        Raises:
            ConfigurationError: something that they ask for is not installed, or cannot be used
        """
        for of in (otlp_grpc_of, syslog_of, mail_server_of):
            if (server := await of(app, settings)) is not None:
                self._open.append(server)

    async def close(self) -> None:
        """Listen to nothing any more, and write what waits."""
        for server in self._open:
            await server.close()
        self._open.clear()
