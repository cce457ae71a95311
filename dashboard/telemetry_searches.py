"""Searches of the telemetry store that run beside the pages, so that a slow one holds up no page.

Nothing of Streamlit is used here. A page begins all that it needs, waits a moment for what comes,
shows that, and looks again for the rest. Alerts are read elsewhere and wait for none of it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Generic, TypeVar, cast

import msgspec

from sentinel.access import Scope
from sentinel.api_usage.answers import RequestsFound
from sentinel.api_usage.exported import UsageRow
from sentinel.errors import SentinelError, TelemetryUnavailable
from sentinel.settings import Settings
from sentinel.store.access.within import Within
from sentinel.store.telemetry.answering import LogAnswers, TraceAnswers
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.log_anomalies import SavedAnomalies
from sentinel.store.telemetry.request_export import exported_usage
from sentinel.store.telemetry.usage import GroupBy
from sentinel.store.telemetry.usage_answers import UsageAnswers, requests_found
from sentinel.telemetry.asked import Asked

__all__ = ["KEPT_FOR", "MOST_RUNNING", "VALID_FOR", "Outcome", "Searches", "TelemetryReader"]

R = TypeVar("R")

MOST_RUNNING = 16
"""Searches that run at once, for all screens of this process."""
MOST_KEPT = 128
VALID_FOR = 10.0
"""Seconds for which a failure is shown before the same search runs again."""
KEPT_FOR = 30.0
"""Seconds for which what was found is shown; lines of a period that has ended may come late."""


class Outcome(msgspec.Struct, Generic[R], frozen=True):
    """What came of a search; neither value nor problem where it still runs."""

    value: R | None = None
    problem: SentinelError | None = None

    @property
    def is_pending(self) -> bool:
        """Whether the search still runs."""
        return self.value is None and self.problem is None


class Searches:
    """Runs searches in threads, and keeps what they found.

    Args:
        clock: seconds that only rise
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._over: dict[Hashable, float] = {}
        self._running = 0

    def begin(self, key: Hashable, work: Callable[[], R]) -> Future[R]:
        """Begin a search, unless the same one runs or is kept.

        Args:
            key: equal for the same search of the same tenant
            work: searches; it runs in a thread of its own

        Returns:
            What will have its result; it has failed already where too many searches run.
        """
        with self._lock:
            known = self._kept.get(key)
            if known is not None and not self._is_over(key):
                self._kept.move_to_end(key)
                return cast("Future[R]", known)
            begun: Future[R] = Future()
            if self._running >= MOST_RUNNING:
                begun.set_exception(
                    TelemetryUnavailable(
                        f"{self._running} searches run already",
                        hint="Try again in a moment.",
                    )
                )
                return begun
            self._running += 1
            self._over.pop(key, None)
            self._kept[key] = begun
            self._forget()
        # Not a pool: its threads would be waited for when the process ends.
        threading.Thread(
            target=self._run, args=(key, begun, work), name="telemetry-search", daemon=True
        ).start()
        return begun

    def _is_over(self, key: Hashable) -> bool:
        over = self._over.get(key)
        return over is not None and self._clock() >= over

    def _forget(self) -> None:
        for key in list(self._kept)[: max(0, len(self._kept) - MOST_KEPT)]:
            if self._kept[key].done():
                del self._kept[key]
                self._over.pop(key, None)

    def _run(self, key: Hashable, begun: Future[R], work: Callable[[], R]) -> None:
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is looked at
            with self._lock:
                self._running -= 1
                self._over[key] = self._clock() + VALID_FOR
            begun.set_exception(error)
            return
        with self._lock:
            self._running -= 1
            self._over[key] = self._clock() + KEPT_FOR
        begun.set_result(found)

    def outcome(self, begun: Future[R], until: float) -> Outcome[R]:
        """Return what came of a search, or that it still runs.

        Args:
            begun: of `begin`
            until: by the clock, when this stops waiting

        Returns:
            The outcome; what is no error for people is raised.
        """
        try:
            return Outcome(value=begun.result(max(0.0, until - self._clock())))
        except NotYet:
            return Outcome()
        except SentinelError as error:
            return Outcome(problem=error)

    def deadline(self, seconds: float) -> float:
        """Return the moment in so many seconds, by the clock."""
        return self._clock() + seconds


class TelemetryReader:
    """Reads logs and traces as whoever has a scope may: those of whole tenants.

    Args:
        within: returns the shared database as a scope may use it
        settings: that name the telemetry store
    """

    def __init__(self, within: Callable[[Scope], Within], settings: Settings) -> None:
        self._within = within
        self._settings = settings

    def tenants(self, scope: Scope) -> list[str] | None:
        """Return the tenants that are in scope with all their teams; None for all tenants."""
        whole = scope.whole_tenants
        return None if whole is None else sorted(whole)

    def logs(self, scope: Scope, tenant: str | None) -> LogAnswers:
        """Return what answers about a tenant's log lines.

        Args:
            scope: of whoever asks
            tenant: its name; None for `default`, or for the only one in scope

        Returns:
            Answers about this tenant alone.

        Raises:
            OutOfScope: not all of the tenant is in scope
            ConfigurationError: no name was given, and several tenants are in scope
            TelemetryUnavailable: there is no telemetry store
        """
        return LogAnswers(telemetry_client(self._settings), self.name(scope, tenant))

    def patterns(self, scope: Scope, tenant: str | None) -> SavedAnomalies:
        """Return what reads patterns and anomalies of a tenant's log lines; see `logs`."""
        return SavedAnomalies(telemetry_client(self._settings), self.name(scope, tenant))

    def traces(self, scope: Scope, tenant: str | None) -> TraceAnswers:
        """Return what answers about a tenant's traces; see `logs`."""
        return TraceAnswers(telemetry_client(self._settings), self.name(scope, tenant))

    def usage(self, scope: Scope, tenant: str | None) -> UsageAnswers:
        """Return what answers about the usage of a tenant's APIs; see `logs`."""
        return UsageAnswers(telemetry_client(self._settings), self.name(scope, tenant))

    def requests(
        self, scope: Scope, tenant: str | None, found: Asked, limit: int, cursor: str | None
    ) -> RequestsFound:
        """Return a page of a tenant's request log; see `requests_found` and `logs`."""
        client = telemetry_client(self._settings)
        return requests_found(client, self.name(scope, tenant), found, limit, cursor)

    def usage_rows(
        self, scope: Scope, tenant: str | None, found: Asked, by: GroupBy, parts: int
    ) -> Iterator[list[UsageRow]]:
        """Return the usage of a tenant's APIs part by part; see `exported_usage` and `logs`."""
        client = telemetry_client(self._settings)
        return exported_usage(client, self.name(scope, tenant), found, by, parts)

    def name(self, scope: Scope, tenant: str | None) -> str:
        """Return the name of the tenant that is read; errors as of `logs`."""
        return self._within(scope).tenant(tenant).name
