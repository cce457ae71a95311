"""What access checks cost of a request: beside the check of the earlier build, a token compared.

One application in this process, called without a socket, so that nothing else is measured. Rounds
alternate between the two checks; each request asks for a list of 50 alerts or for one alert with a
key that is confined to a tenant. The value is processor time, of all threads.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from benchmarks.table import Row
from sentinel.access import Principal, Role
from sentinel.api import access, create_app, prompt
from sentinel.api.problems import Problem
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.keys import Keys

TOKEN = "a-token-of-the-benchmarks"
ROUNDS, REQUESTS = 9, 600
PEER = Principal(name="api", kind="token", role=Role.ADMIN)
_bearer = HTTPBearer(auto_error=False)


async def compare_token(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    user: Annotated[str | None, Header(alias="X-Sentinel-User")] = None,
) -> Principal:
    """What the build of November 2026 does: it compares one token, and reads a name."""
    if credentials is None:
        raise Problem(401, "unauthorized", "no token")
    given = credentials.credentials.encode("utf-8", "surrogateescape")
    if not secrets.compare_digest(given, request.app.state.token.encode()):
        raise Problem(401, "unauthorized", "a wrong token")
    name = (user or "").strip()
    if len(name) > 100 or not name.isprintable():
        raise Problem(422, "invalid", "a name that cannot be printed")
    request.state.principal = PEER
    return PEER


async def _compare_at_once(request: Request, user: str | None) -> Principal:
    """The same for a request that is answered without solving parameters."""
    return await compare_token(request, await _bearer(request), user)


async def _get(app: FastAPI, path: str, bearer: str) -> None:
    place, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": place, "raw_path": place.encode(), "query_string": query.encode(),
        "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8400),
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {bearer}".encode())],
    }  # fmt: skip
    answered: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])

    await app(scope, receive, send)
    if answered != [200]:
        raise AssertionError((path, answered))


class _Place:
    """A place where a route depends on the access check; `set` puts another one there."""

    def __init__(self, inside: Dependant, index: int) -> None:
        self._inside, self._index = inside, index
        self._ours = inside.dependencies[index]
        self._peer = get_dependant(
            path=self._ours.path or "", call=compare_token, name=self._ours.name
        )

    def set(self, *, ours: bool) -> None:
        self._inside.dependencies[self._index] = self._ours if ours else self._peer


def _places() -> list[_Place]:
    """Where the access check is called, since an override of FastAPI's is slow itself.

    FastAPI joins the dependencies of nested routers when a route is first called, so this is asked
    after that.
    """
    return [
        _Place(one, index)
        for one in gc.get_objects()
        if isinstance(one, Dependant)
        for index, inner in enumerate(one.dependencies)
        if inner.call is access.principal
    ]


def _set(places: list[_Place], *, ours: bool) -> None:
    for place in places:
        place.set(ours=ours)
    # A request that is answered at once is checked by name.
    prompt.__dict__["principal"] = access.principal if ours else _compare_at_once


def run() -> list[Row]:
    """Processor time of a request with an API key, and with the earlier check."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/sentinel.db"
        seed = Path(__file__).with_name("api_seed.py")
        subprocess.run([sys.executable, "-P", seed, url, "4", "100"], cwd=folder, check=True)
        settings = Settings.model_validate(
            {"_env_file": None, "home": Path(folder), "database_url": url, "api_token": TOKEN}
        )
        store = Store.of(settings)
        key = Keys(store).create("bench", Role.RESPONDER, actor="bench", tenants=["default"])
        app = create_app(settings, store=store, relay=False)
        try:
            taken = asyncio.run(_measured(app, store, key.secret.text))
        finally:
            app.state.answers.close()
            app.state.batches.close()
            app.state.keys.close()
            app.state.people.close()
            store.close()
    return [
        Row(
            name="api_access_cost",
            unit="ms/request",
            value=statistics.median(taken["ours"]) * 1000,
            peer="the check of the build of November 2026",
            peer_value=statistics.median(taken["peer"]) * 1000,
        )
    ]


async def _measured(app: FastAPI, store: Store, key: str) -> dict[str, list[float]]:
    alerts = store.alerts.page(limit=50).items
    base = "/api/v1/alerts/alerts"
    paths = [f"{base}?limit=50", f"{base}?order=live", *(f"{base}/{one.id}" for one in alerts[:8])]
    taken: dict[str, list[float]] = {"ours": [], "peer": []}
    for path in paths:
        await _get(app, path, key)
    places = _places()
    _set(places, ours=False)
    try:
        await _get(app, paths[0], key)
    except AssertionError:
        pass  # as it must be: the earlier check knows no keys
    else:
        raise AssertionError("the check was not replaced")
    for number in range(ROUNDS + 1):
        for name in ("ours", "peer") if number % 2 else ("peer", "ours"):
            _set(places, ours=name == "ours")
            bearer = key if name == "ours" else TOKEN
            for path in paths:
                await _get(app, path, bearer)
            before = time.process_time()
            for turn in range(REQUESTS):
                await _get(app, paths[turn % len(paths)], bearer)
            if number:  # the first round warms up
                taken[name].append((time.process_time() - before) / REQUESTS)
    return taken
