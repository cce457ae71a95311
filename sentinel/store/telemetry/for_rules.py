"""Logs and traces of one tenant, as the check of a rule asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from sentinel.errors import ConfigurationError, TelemetryError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.condition import condition, used_limits
from sentinel.store.telemetry.log_counts import LogCounts
from sentinel.store.telemetry.log_patterns import LogPattern, LogPatterns, query_of
from sentinel.store.telemetry.logs import LogSearch
from sentinel.store.telemetry.minute_counts import MinuteCounts
from sentinel.store.telemetry.pattern_mining import MINUTE
from sentinel.store.telemetry.pattern_rates import PatternRates
from sentinel.store.telemetry.reading import Period, TenantReader
from sentinel.store.telemetry.services import ServiceFigures
from sentinel.store.telemetry.usage_for_rules import TenantUsage
from sentinel.telemetry.asked import BadParameter, ask, moment_of, nanoseconds_of
from sentinel.telemetry.port import CountedLines, CountedMinute, SeenPattern, SpanFigures, UsedLimit
from sentinel.telemetry.query import (
    LOG_FIELDS,
    REQUEST_FIELDS,
    SPAN_FIELDS,
    Both,
    Field,
    FieldKind,
    Node,
    Not,
    QueryFault,
)

__all__ = ["TenantTelemetry"]

_MESSAGE = 500
_BEHIND = 5 * MINUTE
_NS = "toUnixTimestamp64Nano(Timestamp)"


class TenantTelemetry:
    """The logs and traces of a tenant; see `TelemetryPort`.

    Args:
        client: returns what reads; raises `TelemetryUnavailable` where there is no store
        tenant: of the rule
        dashboard: its address, without a slash at the end
    """

    def __init__(self, client: Callable[[], TelemetryClient], tenant: str, dashboard: str) -> None:
        self._client = client
        self._tenant = tenant
        self._dashboard = dashboard

    @property
    def usage(self) -> TenantUsage:
        """The usage of the tenant's APIs; see `UsagePort`."""
        return TenantUsage(self._client, self._tenant)

    def lines(
        self, query: str, since: datetime, until: datetime, *, by: str = "", samples: int = 5
    ) -> CountedLines:
        """Count log lines that match a query; see `TelemetryPort`."""
        where, period = _asked(query, LOG_FIELDS, until), _period(since, until)
        counts = LogCounts(self._client(), self._tenant)
        total = counts.statistics(where, period).total
        groups = (
            {one.value: one.count for one in counts.facet(where, period, by, 100)} if by else {}
        )
        found = LogSearch(self._client(), self._tenant).page(where, period, samples).lines
        shown = [
            {"at": moment_of(one.ns), "service": one.service, "level": one.level,
             "message": one.message[:_MESSAGE]}
            for one in found[:samples]
        ]  # fmt: skip
        return CountedLines(total, groups, shown, self._search("logs", query, period))

    def matching(
        self, table: Literal["logs", "requests"], total: str, chosen: str,
        since: datetime, until: datetime,
    ) -> list[CountedMinute]:  # fmt: skip
        """Count log lines or requests by minute; see `TelemetryPort`."""
        fields = LOG_FIELDS if table == "logs" else REQUEST_FIELDS
        every, good = _asked(total, fields, until), _asked(chosen, fields, until)
        counts = MinuteCounts(self._client(), self._tenant)
        return counts.of(table, every, good, _period(since, until))

    def good_spans(
        self, service: str, operation: str, where: str, below_ms: float | None,
        since: datetime, until: datetime,
    ) -> list[CountedMinute]:  # fmt: skip
        """Count spans by minute; see `TelemetryPort`."""
        named = [Field("service", "=", (service,))]
        named += [Field("operation", "=", (operation,))] if operation else []
        every = Both((*named, _asked(where, SPAN_FIELDS, until)))
        fast = [] if below_ms is None else [Field("duration", "<=", (f"{below_ms:.15g}ms",))]
        good = Both((Not(Field("status", "=", ("error",))), *fast))
        counts = MinuteCounts(self._client(), self._tenant)
        return counts.of("spans", every, good, _period(since, until))

    def patterns(
        self, service: str, level: str, since: datetime, until: datetime
    ) -> list[SeenPattern]:
        """Return the patterns of a period; see `TelemetryPort`."""
        period = _period(since, until)
        self._check_found(period)
        found = LogPatterns(self._client(), self._tenant).found(period, service, level)
        return [self._seen(one, period) for one in found if one.lines]

    def unusual(
        self, service: str, since: datetime, until: datetime, season: timedelta
    ) -> list[SeenPattern]:
        """Return the patterns whose rate was unusually high; see `TelemetryPort`."""
        period = _period(since, until)
        self._check_found(period)
        reader = PatternRates(self._client(), self._tenant)
        length = int(season.total_seconds()) * 10**9
        return [
            self._seen(one.pattern, period, rarity=one.rarity, usual=one.usual)
            for one in reader.unusual(period, service, season=length, above=True)
        ]

    def spans(
        self, query: str, since: datetime, until: datetime, *, by_operation: bool
    ) -> list[SpanFigures]:
        """Return figures of spans; see `TelemetryPort`."""
        where, period = _asked(query, SPAN_FIELDS, until), _period(since, until)
        figures = ServiceFigures(self._client(), self._tenant)
        search = self._search("traces", query, period)
        return [
            SpanFigures(
                service=one.service, operation=one.operation, spans=one.spans, errors=one.errors,
                p50=one.p50_ms, p95=one.p95_ms, p99=one.p99_ms, search=search,
            )
            for one in figures.latency(where, period, by_operation=by_operation)
        ]  # fmt: skip

    def used_limits(self) -> list[UsedLimit]:
        """Return how much of its limits the store uses; see `TelemetryPort`."""
        used = used_limits(condition(self._client()))
        return [UsedLimit(name, percent, says) for name, (percent, says) in used.items()]

    def _check_found(self, period: Period) -> None:
        """Refuse to say anything about patterns where lines wait to be looked at."""
        reader = TenantReader(self._client(), self._tenant)
        settled = Period(period.since, max(period.since + 1, period.until - _BEHIND))
        done = reader.scoped("log_mined", f"max({_NS}) AS done")
        rows = reader.rows(done, Period(0, period.until))
        after = Period(max(settled.since, int(rows[0]["done"] or 0) + MINUTE), settled.until)
        if after.since >= after.until:
            return
        waiting = reader.rows(reader.scoped("logs", "count() AS n"), after)[0]["n"]
        if waiting:
            raise TelemetryError(
                f"the patterns of {waiting:,} log lines are not found yet, the oldest of them from "
                f"after {moment_of(after.since)}",
                hint="The API looks for them as long as lines arrive; see its log.",
            )

    def _seen(
        self, one: LogPattern, period: Period, *, rarity: float = 0.0, usual: float = 0.0
    ) -> SeenPattern:
        return SeenPattern(
            id=one.id, service=one.service, template=one.template, sample=one.sample[:_MESSAGE],
            lines=one.lines, created=_moment(one.created), last=_moment(one.last), rarity=rarity,
            usual=usual, search=self._search("logs", query_of(one), period),
        )  # fmt: skip

    def _search(self, page: str, query: str, period: Period) -> str:
        given = {
            "q": query, "time": "custom", "since": moment_of(period.since),
            "until": moment_of(period.until), "tenant": self._tenant,
        }  # fmt: skip
        return f"{self._dashboard}/{page}?{urlencode(given)}"


def _asked(query: str, fields: Mapping[str, FieldKind], now: datetime) -> Node:
    try:
        return ask(query, fields, now).where
    except (QueryFault, BadParameter) as error:
        raise ConfigurationError(
            f"query: {error}", hint="See docs/how-to/search-telemetry.md for its language."
        ) from None


def _period(since: datetime, until: datetime) -> Period:
    return Period(nanoseconds_of(since), nanoseconds_of(until))


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)
