"""Reports to the suite: registration, health and errors, for as long as the relay runs.

Whoever does not answer is left alone for a while, each for itself. That breaks no other duty and
keeps no alert: it is counted on the page Health, and logged once.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from importlib import metadata
from ipaddress import ip_address
from typing import Any, Protocol

from sentinel.engine.component import Component
from sentinel.engine.component_health import SUITE, components
from sentinel.engine.suite_bodies import (
    Service,
    error_body,
    health_body,
    hub_registration,
    new_errors,
    ninja_registration,
    pause_after,
)
from sentinel.errors import DeliveryError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.component_reports import report

__all__ = ["Post", "SuiteReports"]

_log = logging.getLogger("sentinel.relay")
_AGAIN = timedelta(hours=1)
"""One that was restarted has forgotten who was registered."""

Post = Callable[[str, str, Mapping[str, Any], str], None]
"""Posts JSON: the address of a system, the path, the body, and its name in words. Raises
`DeliveryError`, whose message has no secret of the address."""


class _System(Protocol):
    """What one system is sent."""

    name: str

    def register(self) -> tuple[str, dict[str, Any]]: ...

    def news(
        self, parts: Sequence[Component], now: datetime
    ) -> Iterator[tuple[str, dict[str, Any]]]: ...


class _Hub:
    name = "the Enterprise Hub"

    def __init__(self, service: Service) -> None:
        self._service = service

    def register(self) -> tuple[str, dict[str, Any]]:
        return "/api/integration/register", hub_registration(self._service)

    def news(
        self, parts: Sequence[Component], now: datetime
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "/api/integration/health", health_body(parts, now)


class _Ninja:
    name = "Ninja"

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sent: set[str] = set()

    def register(self) -> tuple[str, dict[str, Any]]:
        return "/api/suite-control/register", ninja_registration(self._service)

    def news(
        self, parts: Sequence[Component], now: datetime
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        self._sent &= {one.name for one in parts if one.state == "wrong"}
        for one in new_errors(parts, self._sent):
            yield "/api/suite-control/error", error_body(one, now)
            self._sent.add(one.name)  # not reached where the post failed


class _Reporter:
    """Sends one system what it is to have, and counts failures."""

    def __init__(self, system: _System, url: str, post: Post) -> None:
        self._system, self._url, self._post = system, url, post
        self._registered: datetime | None = None
        self._due: datetime | None = None
        self.failures = 0
        self.error = ""

    @property
    def name(self) -> str:
        return self._system.name

    def send(self, parts: Sequence[Component], now: datetime) -> None:
        if self._due is not None and now < self._due:
            return
        try:
            if self._registered is None or now - self._registered >= _AGAIN:
                self._ask(*self._system.register())
                self._registered = now
            for path, body in self._system.news(parts, now):
                self._ask(path, body)
        except DeliveryError as error:
            if not self.failures:
                _log.warning("the relay cannot report to %s: %s", self.name, error.message)
            self.failures += 1
            self.error = error.message
            self._registered = None
            self._due = now + pause_after(self.failures, error.retry_after)
            return
        if self.failures:
            _log.info("%s takes reports again, after %d failures", self.name, self.failures)
        self.failures, self.error, self._due = 0, "", None

    def _ask(self, path: str, body: Mapping[str, Any]) -> None:
        self._post(self._url, path, body, self.name)


class SuiteReports:
    """Reports to the systems of a suite; the relay asks for it twice a minute.

    Args:
        store: the shared database
        settings: of this process
        reporters: of the systems
    """

    def __init__(self, store: Store, settings: Settings, reporters: Sequence[_Reporter]) -> None:
        self._store, self._settings, self._reporters = store, settings, reporters

    @classmethod
    def of(cls, store: Store, settings: Settings, post: Post) -> SuiteReports | None:
        """Return what reports to the systems that the settings name.

        Args:
            store: the shared database
            settings: of this process
            post: posts a body

        Returns:
            None where they name none.
        """
        service = Service(
            version=metadata.version("sentinel-alerts"), host=_reached_at(settings.host),
            port=settings.api_port,
        )  # fmt: skip
        urls = settings.enterprise_hub_url, settings.ninja_url
        systems: tuple[_System, ...] = (_Hub(service), _Ninja(service))
        reporters = [
            _Reporter(system, url.get_secret_value(), post)
            for system, url in zip(systems, urls, strict=True)
            if url.get_secret_value()
        ]
        return cls(store, settings, reporters) if reporters else None

    def evaluate(self, now: datetime) -> None:
        """Send what is due, and keep how it went for the page Health.

        Args:
            now: the present moment

        Raises:
            DatabaseError: the database does not answer
        """
        parts = components(self._store, self._settings)
        for one in self._reporters:
            one.send(parts, now)
        failing = [one for one in self._reporters if one.failures]
        if not failing:
            names = " and ".join(one.name for one in self._reporters)
            report(self._store, SUITE, "ok", f"{names}: reports are taken")
            return
        says = "; ".join(f"{one.error} ({_counted(one.failures)})" for one in failing)
        report(self._store, SUITE, "warning", says,
               "Alerts do not depend on it: docs/how-to/report-to-a-suite.md")  # fmt: skip


def _counted(failures: int) -> str:
    return "once" if failures == 1 else f"{failures} times in a row"


def _reached_at(host: str) -> str:
    """Return the name under which others reach an API that listens on an address."""
    try:
        return socket.gethostname() if ip_address(host).is_unspecified else host
    except ValueError:
        return host
