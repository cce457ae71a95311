"""What a trigger may ask for: the clock, its rule's small state, and what it could not see."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sentinel.checks.reading import Lost
from sentinel.clock import Clock, SystemClock
from sentinel.errors import ConfigurationError
from sentinel.prefect_client.port import PrefectPort

if TYPE_CHECKING:
    from sentinel.checks.event_port import EventPort
    from sentinel.metrics.series import MetricReader
    from sentinel.oncall.port import OnCallPort
    from sentinel.slo.port import SloPort
    from sentinel.telemetry.port import TelemetryPort

__all__ = ["Connect", "Context"]

Connect = Callable[[str, str], AbstractContextManager[PrefectPort]]
"""Takes the URL of a Prefect API and its key, and gives the API while a block lasts."""

_SECRET = re.compile(r"\{secret:([a-z0-9-]+)\}")


class Context:
    """Handed to a trigger whose first parameter is `ctx: Context`.

    Attributes:
        state: a small JSON object of this rule's own, such as a cursor. What a check leaves
            in it is committed in the same transaction as the alerts, or not at all.
        last_seen: when this rule was last evaluated, or None
        prefect: the Prefect API through a port; None where there is no server

    Args:
        clock: gives the time; the machine's unless another is given
        state: what the rule's last successful check left
        last_seen: when this rule was last evaluated
        prefect: the Prefect API that Sentinel runs on
        metrics: reads the stored metrics of this rule's tenant
        events: matches the events of this rule's tenant
        oncall: tells what the on-call schedules lack
        slos: the SLOs of this rule's tenant, and their events
        telemetry: the logs and traces of this rule's tenant
        connect: connects to another Prefect API; `prefect_client.client.connect` does
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        state: Mapping[str, Any] | None = None,
        last_seen: datetime | None = None,
        prefect: PrefectPort | None = None,
        metrics: MetricReader | None = None,
        events: EventPort | None = None,
        oncall: OnCallPort | None = None,
        slos: SloPort | None = None,
        telemetry: TelemetryPort | None = None,
        connect: Connect | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self.state: dict[str, Any] = dict(state or {})
        self.last_seen = last_seen
        self.prefect = prefect
        self._metrics = metrics
        self._events = events
        self._oncall = oncall
        self._slos = slos
        self._telemetry = telemetry
        self._connect = connect
        self.not_seen: list[Mapping[str, str]] = []
        self.lost: list[tuple[Mapping[str, str], Lost]] = []

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return self._clock.now()

    def unknown(self, labels: Mapping[str, str]) -> None:
        """Say that the series with exactly these labels could not be seen this time.

        It then keeps its state, also where the trigger is closed-world.
        """
        self.not_seen.append({str(k): str(v) for k, v in labels.items()})

    def gone(self, labels: Mapping[str, str], how: Lost = "not_reported") -> None:
        """Say that the series with exactly these labels did not recover but is gone.

        Its alert, if it has one, is resolved for that reason.

        Args:
            labels: of the series
            how: not_reported, or removed where what it is about exists no more
        """
        self.lost.append(({str(k): str(v) for k, v in labels.items()}, how))

    @property
    def metrics(self) -> MetricReader:
        """Return a reader of the stored metrics of this rule's tenant.

        Raises:
            ConfigurationError: there is no database here
        """
        if self._metrics is None:
            raise ConfigurationError(
                "this check reads stored metrics, and no database is known here",
                hint="Give it a context that has one: Context(metrics=store.metrics.reader()).",
            )
        return self._metrics

    @property
    def events(self) -> EventPort:
        """Return the events of this rule's tenant, to match against policies.

        Raises:
            ConfigurationError: there is no database here
        """
        if self._events is None:
            raise ConfigurationError(
                "this check reads events, and no database is known here",
                hint="Roll it out; the flow of a deployment gives it one.",
            )
        return self._events

    @property
    def oncall(self) -> OnCallPort:
        """Return what tells what the on-call schedules lack.

        Raises:
            ConfigurationError: there is no database here
        """
        if self._oncall is None:
            raise ConfigurationError(
                "this check reads the on-call schedules, and no database is known here",
                hint="Roll it out; the flow of a deployment gives it one.",
            )
        return self._oncall

    @property
    def slos(self) -> SloPort:
        """Return the SLOs of this rule's tenant.

        Raises:
            ConfigurationError: there is no database here
        """
        if self._slos is None:
            raise ConfigurationError(
                "this check reads SLOs, and no database is known here",
                hint="Roll it out; the flow of a deployment gives it one.",
            )
        return self._slos

    @property
    def telemetry(self) -> TelemetryPort:
        """Return the logs and traces of this rule's tenant.

        Raises:
            ConfigurationError: there is no telemetry store here
        """
        if self._telemetry is None:
            raise ConfigurationError(
                "this check reads logs or traces, and no telemetry store is known here",
                hint="Roll it out; the flow of a deployment gives it one.",
            )
        return self._telemetry

    @contextmanager
    def prefect_api(self, api_url: str = "", key: str = "") -> Generator[PrefectPort]:
        """Connect to a Prefect API while the block lasts.

        Args:
            api_url: of another server, ending in `/api`; empty means the one we run on
            key: what that other server lets us in with: an API key, or `user:password`

        Yields:
            The API behind its port.

        Raises:
            ConfigurationError: there is none, or this context cannot connect to another
        """
        if api_url:
            if self._connect is None:
                raise ConfigurationError(
                    f"this check asks the Prefect API at {api_url}, and cannot connect from here",
                    hint="Give it a context that can: "
                    "Context(connect=sentinel.prefect_client.client.connect).",
                )
            with self._connect(api_url, key) as api:
                yield api
            return
        if self.prefect is None:
            raise ConfigurationError(
                "this check asks Prefect, and no Prefect API is known here",
                hint="Set PREFECT_API_URL, or give the check an api_url.",
            )
        yield self.prefect

    def filled(self, text: str) -> str:
        """Replace every `{secret:NAME}` in a text by what that Prefect Secret block holds.

        So a password is never a parameter, which Prefect would show to everybody.

        Args:
            text: a parameter as it was written

        Returns:
            The text with its secrets. One that is the whole text stands as it is; inside a longer
            text, which is taken for a URL, it is percent-encoded (RFC 3986, section 2.1).

        Raises:
            ConfigurationError: a secret is asked for and no Prefect API is known here
            NotFound: there is no such block
            PrefectUnreachable: the API does not answer
        """
        whole = _SECRET.fullmatch(text)
        if whole:
            return self.secret(whole.group(1))
        return _SECRET.sub(lambda match: quote(self.secret(match.group(1)), safe=""), text)

    def secret(self, name: str) -> str:
        """Return what the Prefect Secret block `name` holds; raises as `filled` does."""
        with self.prefect_api() as prefect:
            return prefect.secret(name)
