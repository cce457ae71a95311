"""What a check may ask about logs and traces, whatever keeps them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

__all__ = [
    "CountedLines",
    "CountedMinute",
    "KeyNetwork",
    "KeyUse",
    "SeenPattern",
    "SpanFigures",
    "TelemetryPort",
    "UnusualCaller",
    "UsagePort",
    "UsedLimit",
    "UsedQuota",
    "UsedValue",
]


class CountedLines(msgspec.Struct, frozen=True):
    """Log lines that match a query, and some of them.

    Attributes:
        total: how many
        groups: how many by the value of a field, at most 100 values
        samples: the newest, as a time, a service, a level and a message each
        search: the address of the search in the dashboard
    """

    total: int
    groups: Mapping[str, int]
    samples: Sequence[Mapping[str, str]]
    search: str


class SeenPattern(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern of log lines.

    Attributes:
        id: 16 hex digits
        service: whose lines
        template: with `<*>` for what changes
        sample: one of its lines
        lines: of the period that was asked for
        created: when it was first seen
        last: when its last line was
        rarity: for a rate that was unusual, one in so many is as unusual; 0 otherwise
        usual: for such a rate, lines of five minutes in the mean
        search: the address of the search for its lines in the dashboard
    """

    id: str
    service: str
    template: str
    sample: str
    lines: int
    created: datetime
    last: datetime
    rarity: float = 0.0
    usual: float = 0.0
    search: str


class SpanFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the spans of a service or an operation; durations in milliseconds."""

    service: str
    operation: str
    spans: int
    errors: int
    p50: float
    p95: float
    p99: float
    search: str


class CountedMinute(msgspec.Struct, frozen=True):
    """Good and all records of a minute; `at` is where it begins, microseconds since 1970."""

    at: int
    good: int
    total: int


class UsedLimit(msgspec.Struct, frozen=True):
    """How much of a limit of the store is used: its name, percent, and what was seen in words."""

    name: str
    percent: float
    says: str


class UsedValue(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the requests to an API with one value; latencies in milliseconds."""

    value: str
    requests: int
    errors: int
    refused: int
    p50: float
    p95: float
    p99: float


class UsedQuota(msgspec.Struct, frozen=True):
    """What a key or user has used of a quota, and when it is used up, as things go on."""

    value: str
    used: int
    amount: int
    reached: datetime | None


class UnusualCaller(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer or key with unusually many requests.

    Attributes:
        value: the consumer, or the id of the key
        requests: of the five minutes with most since it became unusual
        usual: requests of five minutes in the mean before
        rarity: one in so many five minutes is as unusual
    """

    value: str
    requests: int
    usual: float
    rarity: float


class KeyNetwork(msgspec.Struct, frozen=True):
    """A network, or hash of an address, from which a key was used, and since when."""

    key: str
    consumer: str
    network: str
    first: datetime
    requests: int


class KeyUse(msgspec.Struct, frozen=True):
    """When a key was used last, and how often in the time that was asked for."""

    key: str
    consumer: str
    last: datetime
    requests: int


class UsagePort(Protocol):
    """The usage of the APIs of a rule's tenant; it raises what `TelemetryPort` does."""

    def values(
        self, query: str, since: datetime, until: datetime,
        by: Literal["service", "consumer", "key", "endpoint"],
    ) -> Sequence[UsedValue]:  # fmt: skip
        """Return figures of requests that match a query, by the values of a field."""
        ...

    def quotas(self, limit: str, now: datetime) -> Sequence[UsedQuota]:
        """Return what is used of a quota, as text such as `9 per day quota by key`."""
        ...

    def unusual(
        self, query: str, since: datetime, until: datetime, by: Literal["consumer", "key"]
    ) -> Sequence[UnusualCaller]:
        """Return callers with unusually many requests, of the 50 with most of the last two days."""
        ...

    def new_networks(
        self, since: datetime, begin: datetime, until: datetime, *, least: int, usual: int
    ) -> Sequence[KeyNetwork]:
        """Return from where keys were used since `begin` and not before, at least `least` times.

        A key needs `usual` requests between `since` and `begin`.
        """
        ...

    def key_uses(self, since: datetime, until: datetime) -> Sequence[KeyUse]:
        """Return when keys were used last in a period."""
        ...


class TelemetryPort(Protocol):
    """The logs and traces of a rule's tenant.

    Every method raises `TelemetryUnavailable` where the store does not answer, `TelemetryError`
    where it refuses, and `ConfigurationError` where a query cannot be read: the rule has an error
    then, and its alerts stay as they are.
    """

    @property
    def usage(self) -> UsagePort:
        """The usage of the tenant's APIs."""
        ...

    def lines(
        self, query: str, since: datetime, until: datetime, *, by: str = "", samples: int = 5
    ) -> CountedLines:
        """Count log lines that match a query; `by` is a field such as service, or @attribute."""
        ...

    def matching(
        self, table: Literal["logs", "requests"], total: str, chosen: str,
        since: datetime, until: datetime,
    ) -> Sequence[CountedMinute]:  # fmt: skip
        """Count records that match `total` by minute; good are those that match `chosen`, too.

        At most a day at once.
        """
        ...

    def good_spans(
        self, service: str, operation: str, where: str, below_ms: float | None,
        since: datetime, until: datetime,
    ) -> Sequence[CountedMinute]:  # fmt: skip
        """Count the spans of a service by minute, at most of a day.

        Good are those without the status error that took at most `below_ms`; None for any time.
        `operation` is their name, empty for all; `where` a query of spans.
        """
        ...

    def patterns(
        self, service: str, level: str, since: datetime, until: datetime
    ) -> Sequence[SeenPattern]:
        """Return the patterns of a period; raises `TelemetryError` where they are not yet found."""
        ...

    def unusual(
        self, service: str, since: datetime, until: datetime, season: timedelta
    ) -> Sequence[SeenPattern]:
        """Return the patterns whose rate was unusual in a period."""
        ...

    def used_limits(self) -> Sequence[UsedLimit]:
        """Return how much of its limits the store uses, for all tenants together."""
        ...

    def spans(
        self, query: str, since: datetime, until: datetime, *, by_operation: bool
    ) -> Sequence[SpanFigures]:
        """Return figures by service, or by service and operation, of spans that match a query."""
        ...
