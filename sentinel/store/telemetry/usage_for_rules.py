"""Usage of one tenant's APIs, as the check of a rule asks for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from sentinel.errors import ConfigurationError
from sentinel.metrics.anomaly import NORMAL, detect
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.usage import UsageReader
from sentinel.store.telemetry.usage_answers import UsageAnswers
from sentinel.telemetry.asked import BadParameter, ask, nanoseconds_of
from sentinel.telemetry.port import KeyNetwork, KeyUse, UnusualCaller, UsedQuota, UsedValue
from sentinel.telemetry.query import REQUEST_FIELDS, Node, QueryFault
from sentinel.timing.moments import parse_moment

__all__ = ["TenantUsage"]

_PART = 300 * 10**9
_MOST_CALLERS, _MOST_KEYS = 50, 1_000
_HISTORY = timedelta(days=2)


class TenantUsage:
    """The usage of a tenant's APIs; see `UsagePort`.

    Args:
        client: returns what reads; raises `TelemetryUnavailable` where there is no store
        tenant: of the rule
    """

    def __init__(self, client: Callable[[], TelemetryClient], tenant: str) -> None:
        self._client = client
        self._tenant = tenant

    def values(
        self, query: str, since: datetime, until: datetime,
        by: Literal["service", "consumer", "key", "endpoint"],
    ) -> list[UsedValue]:  # fmt: skip
        """Return figures by the values of a field; see `UsagePort`."""
        found = self._reader().groups(_asked(query, until), _period(since, until), by, limit=1_000)
        return [
            UsedValue(
                value=value, requests=one.requests, errors=one.errors, refused=one.refused,
                p50=one.p50_ms, p95=one.p95_ms, p99=one.p99_ms,
            )
            for value, one in found
        ]  # fmt: skip

    def quotas(self, limit: str, now: datetime) -> list[UsedQuota]:
        """Return what is used of a quota; see `UsagePort`."""
        found = UsageAnswers(self._client(), self._tenant).quotas(limit, nanoseconds_of(now))
        return [
            UsedQuota(
                one.value, one.used, one.amount, parse_moment(one.reached) if one.reached else None
            )
            for one in found.quotas
        ]

    def unusual(
        self, query: str, since: datetime, until: datetime, by: Literal["consumer", "key"]
    ) -> list[UnusualCaller]:
        """Return callers whose rate was unusually high; see `UsagePort`."""
        first = nanoseconds_of(min(since, until - _HISTORY)) // _PART * _PART
        end = nanoseconds_of(until) // _PART * _PART  # parts that are over
        if end <= first:
            return []
        reader, where, whole = self._reader(), _asked(query, until), Period(first, end)
        parts = reader.parts(where, whole, by, _PART, _MOST_CALLERS)
        found: list[UnusualCaller] = []
        for value, counts in parts.items():
            series = np.zeros((end - first) // _PART)
            for place, count in counts.items():
                series[place] = count
            if (one := _unusual(value, series, first, nanoseconds_of(since))) is not None:
                found.append(one)
        return sorted(found, key=lambda one: (-one.rarity, one.value))

    def new_networks(
        self, since: datetime, begin: datetime, until: datetime, *, least: int, usual: int
    ) -> list[KeyNetwork]:
        """Return from where keys were not used before; see `UsagePort`."""
        return [
            KeyNetwork(key, consumer, address, _moment(first), requests)
            for key, consumer, address, first, requests in self._reader().new_networks(
                _period(since, until), nanoseconds_of(begin), least, usual
            )
        ]

    def key_uses(self, since: datetime, until: datetime) -> list[KeyUse]:
        """Return when each key was used; see `UsagePort`."""
        return [
            KeyUse(key, consumer, _moment(last), requests)
            for key, consumer, last, requests in self._reader().key_uses(
                _period(since, until), _MOST_KEYS
            )
        ]

    def _reader(self) -> UsageReader:
        return UsageReader(self._client(), self._tenant)


def _unusual(
    value: str, series: np.ndarray[tuple[int], np.dtype[np.float64]], first: int, since: int
) -> UnusualCaller | None:
    # Before its first request it had no rate.
    born = int(np.flatnonzero(series)[0]) if series.any() else len(series)
    numbers = series[born:]
    if len(numbers) < NORMAL.warm + 10:
        return None
    found = detect(numbers.tolist())
    fired = [
        one
        for one in found.fired
        if first + (one + born + 1) * _PART > since and numbers[one] > np.mean(numbers[:one])
    ]
    if not fired:
        return None
    place = max(fired, key=lambda one: found.scores[one])
    return UnusualCaller(
        value=value, requests=int(numbers[place:].max()), usual=float(np.mean(numbers[:place])),
        rarity=found.scores[place],
    )  # fmt: skip


def _asked(query: str, now: datetime) -> Node:
    try:
        return ask(query, REQUEST_FIELDS, now).where
    except (QueryFault, BadParameter) as error:
        raise ConfigurationError(
            f"query: {error}", hint="See docs/how-to/watch-an-api.md for its fields."
        ) from None


def _period(since: datetime, until: datetime) -> Period:
    return Period(nanoseconds_of(since), nanoseconds_of(until))


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)
