"""The routes of Web Push: whether a browser notifies its person, and switching that.

All belong to the live API but one: a browser that changes its subscription does so while no page is
open and nobody may be signed in, so that its service worker has no page token. What proves that it
asks is the secret of its old subscription.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.database_errors import database
from sentinel.access.vapid import public_key
from sentinel.errors import ConfigurationError, DatabaseError, SentinelError
from sentinel.notifications.push_subscription import move_of, subscription_of
from sentinel.store.notifications.push_subscriptions import PushSubscriptions

__all__ = ["MOST_PUSH_BYTES", "MovedBrowsers", "change_push", "push_state"]

MOST_PUSH_BYTES = 8 * 1024
"""The longest request body that is read."""
AT_ONCE = 2
"""Threads for browsers that moved; further ones wait."""
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class _Ended(msgspec.Struct):
    endpoint: str


def push_state(browsers: PushSubscriptions, person: str, named: str) -> Response:
    """Answer with the key that a browser subscribes with, and whether this one is subscribed.

    Args:
        browsers: those that people subscribed
        person: who asks
        named: id of the browser's subscription; empty where it has none

    Returns:
        `key`, the public half of this instance's, and `subscribed`, whether for this person.
    """
    try:
        with database():
            key = public_key(browsers.private_key())
            found = {"key": key, "subscribed": bool(named) and browsers.has(person, named)}
    except DatabaseError as error:
        return _refused(503, str(error))
    return _json(found)


def change_push(browsers: PushSubscriptions, person: str, method: str, body: bytes) -> Response:
    """Subscribe a browser for a person, or end its subscription.

    Args:
        browsers: those that people subscribed
        person: who asks
        method: POST to subscribe, DELETE to end it
        body: the browser's subscription as JSON; to end it, its `endpoint` is enough

    Returns:
        Whether it is subscribed now; 400 for what is no subscription.
    """
    try:
        with database():
            if method == "POST":
                browsers.add(person, subscription_of(msgspec.json.decode(body)))
            else:
                browsers.remove(person, msgspec.json.decode(body, type=_Ended).endpoint)
    except (msgspec.MsgspecError, UnicodeDecodeError, ConfigurationError) as error:
        return _refused(400, str(error))
    except DatabaseError as error:
        return _refused(503, str(error))
    return _json({"subscribed": method == "POST"})


class MovedBrowsers:
    """Middleware before the login: a browser's new subscription takes the place of its old one.

    It answers whether the browser is `subscribed`: not where nobody has the old one. Then the next
    page that its person opens sends the new one (`subscription.js`).

    Args:
        app: the rest
        path: returns the folder of the address, as `/sentinel`
        browsers: returns those that people subscribed
    """

    def __init__(
        self, app: ASGIApp, *, path: Callable[[], str], browsers: Callable[[], PushSubscriptions]
    ) -> None:
        self._app = app
        self._path = path
        self._browsers = browsers
        # Of its own: who is not signed in must not take the threads of others.
        self._threads: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer POST `push_moved`; pass all others on."""
        address = f"{self._path()}/push_moved"
        if (scope["type"], scope.get("method"), scope.get("path")) != ("http", "POST", address):
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(Request(scope, receive))
        except ClientDisconnect:  # nobody is left to answer
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return _refused(403, "another site may not change a subscription")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_PUSH_BYTES:
                return _refused(413, "this is too long")
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(AT_ONCE)
        return await anyio.to_thread.run_sync(self._moved, bytes(body), limiter=self._threads)

    def _moved(self, body: bytes) -> Response:
        try:
            move = move_of(msgspec.json.decode(body))
            with database():
                moved = self._browsers().move(move.endpoint, move.auth, move.subscription)
        except (msgspec.MsgspecError, UnicodeDecodeError, ConfigurationError) as error:
            return _refused(400, str(error))
        except SentinelError as error:
            return _refused(503, str(error))
        return _json({"subscribed": moved})


def _refused(status: int, why: str) -> Response:
    return Response(msgspec.json.encode({"error": why}), status, _HEADERS, "application/json")


def _json(content: Mapping[str, object]) -> Response:
    return Response(msgspec.json.encode(content), headers=_HEADERS, media_type="application/json")
