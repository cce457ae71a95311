"""When something of each kind was last taken from others, by whatever door, for *Health*.

The moment is kept in memory and written at most twice a minute for each kind, by a thread beside
the requests: a sender waits for none of it, and a storm costs two rows a minute.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentinel.engine.intake_health import Signal, note_intake
from sentinel.errors import SentinelError
from sentinel.notifications.door_canary import CANARY_AGENT
from sentinel.store import Store

__all__ = ["BETWEEN", "IntakeWatch", "LastIntake", "signal_of"]

log = logging.getLogger(__name__)
BETWEEN = 30.0
"""Seconds between two writes of a process for one kind."""
_CANARY = (b"user-agent", CANARY_AGENT.encode())
"""Of requests that Sentinel makes itself, so that they bring nothing from others."""
_PATHS: tuple[tuple[str, Signal], ...] = (
    (r"/api(/v1)?/alerts", "alerts"),
    (r"/alertmanager/api/v2/alerts|/opsgenie/v2/alerts|/pagerduty/v2/enqueue", "alerts"),
    (r"(/api/v1(/alerts)?)?/webhooks?/[^/]+|/api/v1/intake/[^/]+", "alerts"),
    (r"/nagios/(nrdp|nsca)|/icinga/v1/actions/process-check-result", "alerts"),
    (r"/api/v1/events|/api/v1/alerts/process-event|/pagerduty/v2/change/enqueue", "events"),
    (r"/api/v1/alerts/metrics|/v1/metrics", "metrics"),
    (r"/api/v1/alerts/heartbeats/[^/]+|/ping/[^/]+/[^/]+", "heartbeats"),
    (r"/v1/logs|/api(/v1)?/logs/ingest", "logs"),
    (r"/v1/traces|/api(/v1)?/tracing/(traces|spans)", "traces"),
    (r"/api/v1/requests", "requests"),
)
_SIGNALS: list[tuple[re.Pattern[str], Signal]] = [
    (re.compile(f"(?:{pattern})/?"), signal) for pattern, signal in _PATHS
]


def signal_of(method: str, path: str) -> Signal | None:
    """Return what a request brings.

    Args:
        method: of the request
        path: of the request

    Returns:
        What it brings once it is answered with success; None where it brings nothing from outside.
    """
    if method != "POST" and not (method == "GET" and path.startswith("/ping/")):
        return None
    return next((signal for pattern, signal in _SIGNALS if pattern.fullmatch(path)), None)


class LastIntake:
    """Writes down when something of each kind was last taken.

    Args:
        store: the shared database
        monotonic: seconds that only rise
    """

    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._lock = Lock()
        self._written: dict[Signal, float] = {}
        self._thread = ThreadPoolExecutor(1, "last-intake")

    def note(self, signal: Signal) -> None:
        """Note that something of this kind was taken now; it waits for nothing."""
        now = self._monotonic()
        with self._lock:
            before = self._written.get(signal)
            if before is not None and now - before < BETWEEN:
                return
            self._written[signal] = now
        self._thread.submit(self._write, signal)

    def close(self) -> None:
        """End the thread when it has written what it is at."""
        self._thread.shutdown(wait=True)

    def _write(self, signal: Signal) -> None:
        try:
            note_intake(self._store, signal)
        except (SentinelError, SQLAlchemyError):
            # What was taken is safe; the next one is noted at once.
            log.warning("the last intake of %s was not written", signal, exc_info=True)
            with self._lock:
                self._written.pop(signal, None)


class IntakeWatch:
    """Middleware that notes each request that brought something and was answered with success.

    Args:
        app: that is served
        last_intake: returns what keeps the moments
    """

    def __init__(self, app: ASGIApp, last_intake: Callable[[], LastIntake]) -> None:
        self._app = app
        self._last_intake = last_intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        signal = signal_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if signal is None or _CANARY in scope["headers"]:
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                self._last_intake().note(signal)
            await send(message)

        await self._app(scope, receive, sent)
