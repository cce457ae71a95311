"""Ask the request log, and say what was found: one way for the API and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sentinel.api_usage import answers
from sentinel.api_usage.counting import period_of
from sentinel.api_usage.limit import Kind, Limit, Part
from sentinel.api_usage.text import parse_limits
from sentinel.api_usage.usage import QuotaForecast, endpoint_changes, quota_forecast, rises
from sentinel.errors import ConfigurationError
from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.reading import Period
from sentinel.store.telemetry.requests import LoggedRequest, RequestSearch
from sentinel.store.telemetry.usage import Figures, GroupBy, Order, UsageReader
from sentinel.telemetry.asked import Asked, moment_of
from sentinel.telemetry.query import Both, Field, Node

__all__ = ["UsageAnswers", "figures_of", "request_view", "requests_found"]

_MINUTE, _HOUR, _DAY = 60 * 10**9, 3_600 * 10**9, 86_400 * 10**9
_OF_CONSUMER = 20


def requests_found(
    client: TelemetryClient, tenant: str, asked: Asked, limit: int, cursor: str | None
) -> answers.RequestsFound:
    """Return a page of requests, the newest first.

    Args:
        client: that reads
        tenant: whose requests
        asked: what is looked for
        limit: most requests
        cursor: of the page before

    Returns:
        The page.

    Raises:
        ConfigurationError: the cursor is of another list
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    page = RequestSearch(client, tenant).page(
        asked.where, Period(asked.since, asked.until), limit, cursor
    )
    return answers.RequestsFound(
        **_asked(asked.query, Period(asked.since, asked.until)),
        requests=[request_view(one) for one in page.requests], next_cursor=page.next_cursor,
    )  # fmt: skip


class UsageAnswers:
    """Answers about the usage of one tenant's APIs.

    Every method may raise `TelemetryError` where the store refuses, and `TelemetryUnavailable`
    where it does not answer in time.

    Args:
        client: that reads
        tenant: whose requests
    """

    def __init__(self, client: TelemetryClient, tenant: str) -> None:
        self._reader = UsageReader(client, tenant)

    def usage(self, asked: Asked, parts: int) -> answers.UsageFound:
        """Return the usage of a period, in at most so many parts."""
        return answers.UsageFound(**self._over_time(asked.where, asked, parts))

    def top(self, asked: Asked, by: GroupBy, order: Order, limit: int) -> answers.UsageGroupsFound:
        """Return the usage by the values of a field, those with most first."""
        period = self._reader.period_for(asked.where, (by,), _period(asked))
        total = self._reader.total(asked.where, _period(asked))
        return answers.UsageGroupsFound(
            **_asked(asked.query, period), by=by, total=_figures(total, period),
            groups=self._groups(asked.where, _period(asked), by, total.requests, limit, order),
        )  # fmt: skip

    def rising(self, asked: Asked, by: GroupBy, least: int, limit: int) -> answers.RisesFound:
        """Return the values whose requests rose, compared with the period before."""
        period = self._reader.period_for(asked.where, (by,), _period(asked))
        now = self._reader.counts(asked.where, period, by)
        before = Period(2 * period.since - period.until, period.since)
        earlier = self._reader.counts(asked.where, before, by, list(now))
        found = rises(now, earlier, least=least, limit=limit)
        return answers.RisesFound(
            **_asked(asked.query, period), by=by,
            rises=[answers.RiseView(**msgspec.structs.asdict(one)) for one in found],
        )  # fmt: skip

    def endpoints(
        self, asked: Asked, history: int, known: Sequence[str], least: int
    ) -> answers.EndpointChangesFound:
        """Return endpoints that are new or dead; the history is nanoseconds before the period."""
        period = self._reader.period_for(asked.where, ("endpoint",), _period(asked))
        whole = Period(max(0, period.since - history), period.until)
        seen = self._reader.endpoints(asked.where, whole)
        first = self._reader.first(whole)
        found = endpoint_changes(seen, period.since, known=known, least=least)
        return answers.EndpointChangesFound(
            **_asked(asked.query, period), history_since=moment_of(whole.since),
            log_since=_moment(first),
            changes=[
                answers.EndpointChangeView(
                    endpoint=one.endpoint, state=one.state, first=_moment(one.first),
                    last=_moment(one.last), requests=one.requests,
                )
                for one in found
            ],
        )  # fmt: skip

    def quotas(self, text: str, now: int) -> answers.QuotasFound:
        """Return how far keys or consumers are with a quota.

        Args:
            text: of the limit, such as `10_000 per month quota by key plan free`
            now: nanoseconds since 1970

        Returns:
            The quotas of the 200 with most requests.

        Raises:
            ConfigurationError: the text is no quota of keys or users
        """
        limit = _quota(text)
        start, end = (one * 1_000 for one in period_of(limit, now // 1_000))
        since = start - max(0, -(-(start - (now - 7 * _DAY)) // _HOUR)) * _HOUR
        by = "key" if limit.by == (Part.KEY,) else "consumer"
        where: Node = Field("plan", "=", limit.plans) if limit.plans else Both(())
        hours = self._reader.hours(where, Period(since, now), by)
        return answers.QuotasFound(
            limit=text, start=moment_of(start), end=moment_of(end),
            quotas=[
                _quota_view(
                    value,
                    quota_forecast(of, start=start, end=end, now=now, amount=limit.amount),
                )
                for value, of in hours.items()
            ],
        )  # fmt: skip

    def consumer(self, consumer: str, asked: Asked, parts: int) -> answers.ConsumerFound:
        """Return what one consumer does."""
        where = Both((asked.where, Field("consumer", "=", (consumer,))))
        period = _period(asked)
        over_time = self._over_time(where, asked, parts)
        requests = over_time["total"].requests
        of: dict[str, Any] = {
            name: self._groups(where, period, by, requests, _OF_CONSUMER)
            for name, by in _OF_ONE.items()
        }
        return answers.ConsumerFound(**over_time, consumer=consumer, **of)

    def _over_time(self, where: Node, asked: Asked, parts: int) -> dict[str, Any]:
        period = self._reader.period_for(where, (), _period(asked))
        width = max(1, -(-(period.until - period.since) // max(1, min(parts, 500))))
        if period.until - period.since > 15 * _MINUTE:
            width = -(-width // _MINUTE) * _MINUTE
        found = self._reader.series(where, period, width)
        return {
            **_asked(asked.query, period), "part_seconds": width / 1e9,
            "total": _figures(self._reader.total(where, period), period),
            "parts": [
                answers.UsagePart(
                    start=moment_of(at),
                    **figures_of(one, Period(at, min(at + width, period.until))),
                )
                for at, one in found
            ],
        }  # fmt: skip

    def _groups(
        self, where: Node, period: Period, by: GroupBy, total: int, limit: int,
        order: Order = "requests",
    ) -> list[answers.UsageGroup]:  # fmt: skip
        about = self._reader.period_for(where, (by,), period)
        return [
            answers.UsageGroup(
                value=value, share=one.requests / total if total else 0.0, **figures_of(one, about)
            )
            for value, one in self._reader.groups(where, period, by, order=order, limit=limit)
        ]


_OF_ONE: dict[str, GroupBy] = {
    "endpoints": "endpoint", "statuses": "status", "keys": "key", "addresses": "address",
}  # fmt: skip


def _quota(text: str) -> Limit:
    limits = parse_limits(text)
    if len(limits) != 1 or limits[0].kind is not Kind.QUOTA:
        raise ConfigurationError(
            "the limit is no quota", hint="Write one, such as 10_000 per month quota by key."
        )
    limit = limits[0]
    if limit.by not in ((Part.KEY,), (Part.USER,)) or limit.path or limit.method:
        raise ConfigurationError(
            "a forecast is of a quota by key or by user, over all endpoints",
            hint="Write it as 10_000 per month quota by key.",
        )
    return limit


def _quota_view(value: str, found: QuotaForecast) -> answers.QuotaView:
    return answers.QuotaView(
        value=value, used=found.used, amount=found.amount, share=found.share,
        per_hour=found.per_hour, expected=found.expected, reached=_moment(found.reached),
        earliest=_moment(found.earliest), latest=_moment(found.latest), why=found.why,
    )  # fmt: skip


def _period(asked: Asked) -> Period:
    return Period(asked.since, asked.until)


def _asked(query: str, period: Period) -> dict[str, Any]:
    return {"query": query, "since": moment_of(period.since), "until": moment_of(period.until)}


def _moment(ns: int | None) -> str | None:
    return None if ns is None else moment_of(ns)


def _figures(found: Figures, period: Period) -> answers.FiguresView:
    return answers.FiguresView(**figures_of(found, period))


def figures_of(found: Figures, period: Period) -> dict[str, Any]:
    """Return the fields of `FiguresView`, with rates over a period."""
    seconds = (period.until - period.since) / 1e9
    return {
        **msgspec.structs.asdict(found),
        "per_second": found.requests / seconds,
        "error_rate": found.errors / found.requests if found.requests else 0.0,
    }


def request_view(one: LoggedRequest) -> answers.RequestView:
    """Return a request as it is answered."""
    fields = msgspec.structs.asdict(one)
    return answers.RequestView(timestamp=moment_of(fields.pop("ns")), **fields)
