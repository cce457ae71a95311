"""The worker's metrics over HTTP on this machine, and a file that has their address."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from sentinel.worker.metrics import prometheus
from sentinel.worker.process import identity, is_alive

__all__ = ["StatusServer", "workers_here"]

log = logging.getLogger("sentinel.worker")
_FOLDER = "workers"


class StatusServer:
    """Serves `/metrics` (Prometheus) and `/status` (JSON) on the loopback address.

    Args:
        home: SENTINEL_HOME, the folder of the file
        name: name of the worker
        snapshot: returns the present metrics
        port: port to listen on; 0 for any free port
    """

    def __init__(
        self, home: Path, name: str, snapshot: Callable[[], dict[str, Any]], port: int
    ) -> None:
        self._file = home / _FOLDER / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.json"
        self._name = name
        self._snapshot = snapshot
        self._port = port
        self._server: asyncio.Server | None = None
        self.url = ""

    async def start(self) -> None:
        """Start to listen, and write the file with the address."""
        try:
            self._server = await asyncio.start_server(self._answer, "127.0.0.1", self._port)
        except OSError as error:
            log.error(
                "port %s for metrics is taken, so there are none (%s); "
                "set SENTINEL_WORKER_METRICS_PORT", self._port, error.strerror,
            )  # fmt: skip
            return
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        content = {"name": self._name, "process": identity(os.getpid()), "url": self.url}
        with contextlib.suppress(OSError):  # without the file, a client must know the port
            self._file.parent.mkdir(parents=True, exist_ok=True)
            own = self._file.with_suffix(f".{os.getpid()}")
            own.write_text(json.dumps(content))
            own.replace(self._file)

    async def stop(self) -> None:
        """Stop listening, and delete the file."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError, ValueError):
                if json.loads(self._file.read_text())["process"] == identity(os.getpid()):
                    self._file.unlink()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                request = await reader.readuntil(b"\r\n\r\n")
            path = request.split(b" ", 2)[1].decode("ascii", "replace").partition("?")[0]
            if path == "/metrics":
                kind, body = "text/plain; version=0.0.4", prometheus(self._snapshot())
            elif path == "/status":
                kind, body = "application/json", json.dumps(self._snapshot())
            else:
                kind, body = "", "There are /metrics and /status.\n"
            status = "200 OK" if kind else "404 Not Found"
            raw = body.encode()
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: {kind or 'text/plain'}\r\n"
                f"Content-Length: {len(raw)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + raw)
            await writer.drain()
        except (OSError, TimeoutError, IndexError, asyncio.IncompleteReadError,
                asyncio.LimitOverrunError):  # fmt: skip
            pass  # the client did not send HTTP, or did not wait
        finally:
            writer.close()


def workers_here(home: Path) -> list[dict[str, Any]]:
    """Return the metrics of every worker that runs on this machine and answers.

    Args:
        home: SENTINEL_HOME

    Returns:
        The content of each worker's `/status`, with its name and URL.
    """
    found: list[dict[str, Any]] = []
    for file in sorted((home / _FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, httpx.HTTPError):
            known = json.loads(file.read_text())
            if is_alive(known["process"]):
                answer = httpx.get(f"{known['url']}/status", timeout=3)
                found.append({"name": known["name"], "url": known["url"], **answer.json()})
    return found
