"""The API for its tests, called in this process or over a socket, and the alerts that they read."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import httpx
import uvicorn
from fastapi import FastAPI

from sentinel.api.answers import Answers
from sentinel.api.batches import Batches
from sentinel.api.known_keys import KnownKeys
from sentinel.api.last_intake import LastIntake
from sentinel.api.log_mining import LogMining
from sentinel.api.people import SignedIn
from sentinel.ingest.alertmanager_intake import AlertmanagerIntake
from sentinel.ingest.arrivals import Arrivals
from sentinel.serving.idle_connections import PromptProtocol
from sentinel.store import Store
from sentinel.store.api_usage.limit_sets import HeldLimitSets

__all__ = ["TOKEN", "Raised", "called", "caller", "on_store", "served"]

TOKEN = "a-token-of-the-tests"


Raised = Callable[..., list[str]]
"""Raises alerts of mounts, as a worker does, and gives their ids: `World.raises`."""


@contextmanager
def served(
    app: FastAPI, lifespan: Literal["on", "off"] = "on", tls: Path | None = None
) -> Generator[str]:
    """Serve `app` with uvicorn on a free port of this machine; gives its URL.

    Args:
        app: the application
        lifespan: whether it does what it does at its start and end
        tls: a folder with `cert.pem` and `key.pem`, to serve by TLS as `localhost`
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                ws="none",
                lifespan=lifespan,
                timeout_graceful_shutdown=2,
                http=PromptProtocol,
                ssl_certfile=None if tls is None else str(tls / "cert.pem"),
                ssl_keyfile=None if tls is None else str(tls / "key.pem"),
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server took too long to start"
            time.sleep(0.01)
        port = listening.getsockname()[1]
        yield f"http://127.0.0.1:{port}" if tls is None else f"https://localhost:{port}"
        server.should_exit = True
        thread.join(10)


@contextmanager
def on_store(app: FastAPI, store: Store) -> Generator[None]:
    """Have an application that is made once look at the database of a test, while a block lasts."""
    state = app.state
    state.store, state.full_at = store, None
    kept = Answers(store), Batches(store), Arrivals(store), KnownKeys(store)
    state.answers, state.batches, state.arrivals, state.keys = kept
    state.people = SignedIn(store, state.settings)
    state.last_intake = LastIntake(store)
    state.log_mining = LogMining(store)
    state.limit_sets = HeldLimitSets(store)
    state.posted_alerts = AlertmanagerIntake(store)
    try:
        yield
    finally:
        for one in (*kept, state.people, state.last_intake):
            one.close()


class _InProcess(httpx.BaseTransport):
    """Calls an application in this process, in an event loop that runs in a thread of its own."""

    def __init__(self, app: FastAPI, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls = httpx.ASGITransport(
            app, raise_app_exceptions=False, client=("127.0.0.1", 50_000)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        answered = asyncio.run_coroutine_threadsafe(self._called(request), self._loop)
        return answered.result(60)

    async def _called(self, request: httpx.Request) -> httpx.Response:
        answer = await self._calls.handle_async_request(request)
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=await answer.aread()
        )


@contextmanager
def called(app: FastAPI, **headers: str) -> Generator[httpx.Client]:
    """A caller on this machine that has `app` in its own process: no socket between.

    What the application does at its start and end, `served` has it do.
    """
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            with httpx.Client(
                transport=_InProcess(app, loop), base_url="http://127.0.0.1",
                headers=_named(headers),
            ) as client:  # fmt: skip
                yield client
        finally:  # a loop that runs on is not closed, which the next test is blamed for
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)


def caller(url: str, **headers: str) -> httpx.Client:
    """A caller; `X_Forwarded_For` makes it one on another machine, as a proxy would say."""
    return httpx.Client(base_url=url, headers=_named(headers), timeout=30, trust_env=False)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
