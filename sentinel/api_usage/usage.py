"""What the request log says about usage: what rises, what is new or dead, when a quota ends. Pure.

A comparison has a least count below which it says nothing, so that nothing against nothing is no
news, and one request more is no rise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

import msgspec

__all__ = [
    "EndpointChange",
    "QuotaForecast",
    "Rise",
    "SeenEndpoint",
    "endpoint_changes",
    "quota_forecast",
    "rises",
]

_HOUR = 3_600 * 10**9
_STUDENT = {2: 2.920, 3: 2.353, 4: 2.132, 5: 2.015, 6: 1.943}
"""The 95% quantiles of Student's distribution by degrees of freedom; 1.72 for those up to 23."""
FEWEST_BLOCKS, MOST_DAYS, MOST_HOURS, FEWEST_REQUESTS = 3, 7, 24, 20


class Rise(msgspec.Struct, frozen=True):
    """A value with more requests than in the period before.

    Attributes:
        value: of what is grouped by
        requests: of the period
        before: of the period of the same length before it
        score: how sure it is that the rate rose: the difference in standard deviations, as if
            requests came by themselves
    """

    value: str
    requests: int
    before: int
    score: float


def rises(
    now: Mapping[str, int], before: Mapping[str, int], *, least: int, limit: int
) -> list[Rise]:
    """Return what rose, the surest first.

    Args:
        now: requests of the period, by value
        before: of the one before it
        least: requests that a value needs in the period
        limit: most values

    Returns:
        Values whose rise is at least three standard deviations.
    """
    found = [
        Rise(value, count, old, (count - old) / math.sqrt(count + old))
        for value, count in now.items()
        if count >= least and count > (old := before.get(value, 0))
    ]
    sure = [one for one in found if one.score >= 3]
    return sorted(sure, key=lambda one: (-one.score, one.value))[:limit]


class SeenEndpoint(msgspec.Struct, frozen=True):
    """An endpoint in the log; `first` and `last` are nanoseconds since 1970."""

    endpoint: str
    first: int
    last: int
    requests: int


class EndpointChange(msgspec.Struct, frozen=True):
    """An endpoint that is new or dead.

    Attributes:
        endpoint: method and route
        state: `new` or `dead`
        first, last: when it was first and last asked for, in nanoseconds since 1970; None for a
            known route that never was
        requests: of the history and the period
    """

    endpoint: str
    state: str
    first: int | None
    last: int | None
    requests: int


def endpoint_changes(
    seen: Sequence[SeenEndpoint], since: int, *, known: Sequence[str] = (), least: int = 1
) -> list[EndpointChange]:
    """Return endpoints that are new or dead in a period.

    Args:
        seen: of the period and the history before it
        since: where the period begins, in nanoseconds since 1970
        known: the routes that there are, such as `GET /orders/{id}`; without them, those of the
            history are known
        least: requests that an endpoint needs to be new; or, of the history, to be dead

    Returns:
        The changes, new ones first, those with most requests first.
    """
    by_name = {one.endpoint: one for one in seen}
    found: list[EndpointChange] = []
    if known:
        names = {" ".join(one.split()) for one in known}
        for one in seen:
            if one.last >= since and one.endpoint not in names and one.requests >= least:
                found.append(_change(one, "new"))
        for name in names:
            one = by_name.get(name)
            if one is None:
                found.append(EndpointChange(name, "dead", None, None, 0))
            elif one.last < since:
                found.append(_change(one, "dead"))
    else:
        for one in seen:
            if one.requests >= least and (one.first >= since or one.last < since):
                found.append(_change(one, "new" if one.first >= since else "dead"))
    return sorted(found, key=lambda one: (one.state != "new", -one.requests, one.endpoint))


def _change(one: SeenEndpoint, state: str) -> EndpointChange:
    return EndpointChange(one.endpoint, state, one.first, one.last, one.requests)


class QuotaForecast(msgspec.Struct, frozen=True, kw_only=True):
    """When a quota will be used up; moments are nanoseconds since 1970.

    Attributes:
        used: requests since the quota began
        amount: of the quota
        per_hour: the rate that is expected; None where there is not enough data
        expected: what will be used when the quota begins anew; None likewise
        reached: when it will be used up; None where it will not be before it begins anew
        earliest, latest: likewise, by the ends of the rate's 90% interval
        why: why there is no forecast; empty where there is one
    """

    used: int
    amount: int
    per_hour: float | None = None
    expected: float | None = None
    reached: int | None = None
    earliest: int | None = None
    latest: int | None = None
    why: str = ""

    @property
    def share(self) -> float:
        """What is used, of 1."""
        return self.used / self.amount


def quota_forecast(
    hours: Mapping[int, int], *, start: int, end: int, now: int, amount: int
) -> QuotaForecast:
    """Return when a quota will be used up, if requests go on as in the last days.

    The rate is the mean of the last whole days, or of the last whole hours for a quota per day, and
    its interval is Student's over them. A day is the unit because nights and days differ.

    Args:
        hours: requests by the hour that they came in, from the first known one on, in nanoseconds
            since 1970; hours without any may be left out. Hours begin as the quota does, which
            in some time zones is at half past an hour of UTC
        start: where the quota began
        end: where it begins anew
        now: the present moment
        amount: of the quota

    Returns:
        The forecast, or why there is none.
    """
    used = sum(count for hour, count in hours.items() if hour >= start)
    is_day = end - start < 48 * _HOUR
    length, most = (1, MOST_HOURS) if is_day else (24, MOST_DAYS)
    last = now - (now - start) % _HOUR
    first = min(hours, default=last)
    number = min(most, (last - first) // (length * _HOUR))
    unit = "hours" if is_day else "days"
    if number < FEWEST_BLOCKS:
        why = f"there are {number} whole {unit} of requests, and {FEWEST_BLOCKS} are needed"
        return QuotaForecast(used=used, amount=amount, why=why)
    blocks = [
        sum(hours.get(last - (at * length + hour + 1) * _HOUR, 0) for hour in range(length))
        for at in range(number)
    ]
    if sum(blocks) < FEWEST_REQUESTS:
        why = f"there are {sum(blocks)} requests in {number} {unit}: {FEWEST_REQUESTS} are needed"
        return QuotaForecast(used=used, amount=amount, why=why)
    rate = fmean(blocks) / length
    doubt = _STUDENT.get(number - 1, 1.72) * stdev(blocks) / math.sqrt(number) / length
    left = amount - used

    def reached(per_hour: float) -> int | None:
        if left <= 0:
            return now
        if per_hour <= 0:
            return None
        at = now + int(left / per_hour * _HOUR)
        return at if at < end else None

    return QuotaForecast(
        used=used, amount=amount, per_hour=rate, expected=used + rate * (end - now) / _HOUR,
        reached=reached(rate), earliest=reached(rate + doubt), latest=reached(rate - doubt),
    )  # fmt: skip
