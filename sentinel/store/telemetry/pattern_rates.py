"""Rates of patterns of log lines by five minutes: which are unusual, and what is expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np

from sentinel.errors import NotFound
from sentinel.metrics.anomaly import NORMAL, detect
from sentinel.metrics.expected import expected_band
from sentinel.store.telemetry.log_patterns import LogPattern, LogPatterns, moments, view_of
from sentinel.store.telemetry.pattern_mining import MINUTE, NEAR
from sentinel.store.telemetry.reading import Parameters, Period
from sentinel.telemetry import answers
from sentinel.telemetry.asked import moment_of

__all__ = [
    "DAY", "HISTORY", "PART", "PatternRate", "PatternRates", "RatePart", "UnusualPattern",
    "anomalies_found", "anomaly_view", "rate_found", "season_of",
]  # fmt: skip

Series = np.ndarray[Any, np.dtype[np.float64]]

PART = 5 * MINUTE
DAY = 24 * 60 * MINUTE
HISTORY = 2 * DAY
"""What says what is usual, beside a season."""
_NS = "toUnixTimestamp64Nano(Timestamp)"
_MOST_LOOKED_AT = 100
"""Patterns whose rates are compared with their past: those with most lines."""
_LEAST = NORMAL.warm + 10
"""Parts that must be known of a pattern before it is judged."""
_LONGEST = 7 * DAY


class UnusualPattern(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern whose rate is unusual.

    Attributes:
        pattern: its figures are of the period
        ns: when the rate was unusual, in nanoseconds since 1970
        lines: of the five minutes from then on
        usual: of five minutes, in the mean before
        low, high: bounds within which lines of these five minutes were expected
        season: nanoseconds between what was compared; 0 for none
        rarity: one in so many five minutes is as unusual
    """

    pattern: LogPattern
    ns: int
    lines: int
    usual: float
    low: float
    high: float
    season: int
    rarity: float


class RatePart(msgspec.Struct, frozen=True):
    """Lines of five minutes from `ns` on, and the bounds expected; None where too little is known.

    Nanoseconds are since 1970.
    """

    ns: int
    lines: int
    low: float | None
    high: float | None


class PatternRate(msgspec.Struct, frozen=True):
    """The rate of a pattern over a period, and the season it is compared with in nanoseconds."""

    pattern: LogPattern
    season: int
    parts: list[RatePart]


def season_of(pattern: LogPattern, until: int) -> int:
    """Return the season that a pattern's rate is compared with, in nanoseconds: a day, or none.

    Args:
        pattern: the pattern
        until: the end of what is known, in nanoseconds since 1970

    Returns:
        A day where the pattern is older than that and its detector has enough to learn from; 0
        before.
    """
    return DAY if until - pattern.created >= DAY + _LEAST * PART else 0


class PatternRates(LogPatterns):
    """Judges the rates of one tenant's patterns, by `sentinel.metrics.anomaly`."""

    def unusual(
        self, period: Period, service: str = "", history: int = HISTORY, season: int = 0, *,
        above: bool = False,
    ) -> list[UnusualPattern]:  # fmt: skip
        """Return the patterns whose rate was unusual in a period.

        Args:
            period: in which the five minutes ended that were unusual; those of which not all lines
                are found yet do not count
            service: whose lines; empty for all
            history: nanoseconds before the end that say what is usual
            season: compare with so long before; 0 for none
            above: whether a rate below what is usual is left out

        Returns:
            The most unusual first, each at its most unusual time, of the 100 patterns with most
            lines; a pattern that is younger than 110 times five minutes is not judged.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        until = self.looked_at(period, service, history + season) // PART * PART
        whole = Period(until - (history + season) // PART * PART, until)
        patterns = self.found(period, service, limit=_MOST_LOOKED_AT)
        found: list[UnusualPattern] = []
        for pattern, values in self._with_series(patterns, whole):
            some = _unusual(pattern, values, whole, period, season, above=above)
            found += [max(some, key=lambda one: one.rarity)] if some else []
        return sorted(found, key=lambda one: (-one.rarity, one.pattern.id))

    def every_unusual(self, period: Period) -> list[UnusualPattern]:
        """Return all that was unusual in a period that was looked at, each against its season.

        Args:
            period: whose ends are multiples of `PART`; what ended in it is judged

        Returns:
            Of the 100 patterns with most lines of the last day, the oldest first.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        whole = Period(period.until - HISTORY - DAY, period.until)
        patterns = self.found(Period(period.until - DAY, period.until), limit=_MOST_LOOKED_AT)
        found = [
            one
            for pattern, values in self._with_series(patterns, whole)
            for one in _unusual(
                pattern, values, whole, period, season_of(pattern, period.until), above=False
            )
        ]
        return sorted(found, key=lambda one: (one.ns, one.pattern.id))

    def rate(self, pattern_id: str, period: Period) -> PatternRate:
        """Return the rate of a pattern by five minutes, and what was expected.

        Args:
            pattern_id: of the pattern
            period: of which the last seven days are read; minutes whose patterns are not found yet
                are left out

        Returns:
            The rate, the oldest part first.

        Raises:
            NotFound: the tenant has no such pattern, or it had no lines
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        until = self.looked_at(period, "", NEAR) // PART * PART
        since = max(period.since, until - _LONGEST) // PART * PART
        whole = Period(min(since, until - PART) - HISTORY - DAY, until)
        found = self.found(whole, ids=[pattern_id])
        if not found:
            raise NotFound(f"there is no pattern {pattern_id[:40]!r} with lines in this time")
        pattern, values = next(self._with_series(found[:1], whole))
        season, born = season_of(pattern, until), _born(pattern, whole)
        low, high = expected_band(values[born:], season // PART)
        parts = [
            RatePart(whole.since + place * PART, int(values[place]),
                     *_bounds(low, high, place - born))
            for place in range((since - whole.since) // PART, len(values))
        ]  # fmt: skip
        return PatternRate(pattern, season, parts)

    def looked_at(self, period: Period, service: str, back: int) -> int:
        """Return up to when all lines have their pattern.

        What comes late is looked for as far back as patterns are looked for at each turn. That the
        last minute had no lines is believed once a later one was looked at: they may be on the way.

        Args:
            period: whose end matters
            service: whose lines; empty for all
            back: nanoseconds before the end in which lines are looked for

        Returns:
            Nanoseconds since 1970, at most the end of the period.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        parameters = Parameters()
        condition = f"ServiceName = {parameters.bind(service)}" if service else "1"
        past = Period(period.until - back, period.until)
        last = self.rows(
            self.scoped("log_mined", f"max({_NS}) AS last", condition), past, parameters.values
        )[0]["last"]
        done = last + MINUTE if last else 0
        near = Period(max(past.since, min(done, period.until - NEAR)) // MINUTE * MINUTE,
                      period.until)  # fmt: skip
        own = f"ServiceName AS service, intDiv({_NS}, {MINUTE}) AS minute"
        waiting = self.rows(
            "SELECT count() AS n, min(minute) AS first FROM ("  # noqa: S608 - made of `scoped`
            f"{self.scoped('logs', f'{own}, count() AS lines', condition)} GROUP BY service, minute"
            ") AS a GLOBAL LEFT JOIN ("
            f"{self.scoped('log_mined', f'{own}, argMax(Lines, Round) AS done', condition)} "
            "GROUP BY service, minute) AS b USING (service, minute) WHERE lines != done",
            near, parameters.values,
        )[0]  # fmt: skip
        until = min(period.until, max(done, period.until - MINUTE))
        return min(until, waiting["first"] * MINUTE) if waiting["n"] else until

    def _with_series(
        self, patterns: Sequence[LogPattern], whole: Period
    ) -> Iterator[tuple[LogPattern, Series]]:
        """Return each pattern with its lines of each five minutes of a period."""
        parameters = Parameters()
        ids = parameters.bind([one.id for one in patterns], "Array(String)")
        parts = self.scoped(
            "log_patterns",
            f"Pattern AS id, intDiv({_NS} - {{since:Int64}}, {PART}) AS part, sum(Lines) AS n",
            f"{self.counted(parameters)} AND Pattern IN {ids}",
        )
        rows = self.rows(
            "SELECT id, groupArray(part) AS parts, groupArray(n) AS numbers "  # noqa: S608 - made of `scoped`
            f"FROM ({parts} GROUP BY id, part) GROUP BY id LIMIT {_MOST_LOOKED_AT}",
            whole, parameters.values,
        )  # fmt: skip
        known = {row["id"]: row for row in rows}
        for pattern in patterns:
            series = np.zeros((whole.until - whole.since) // PART)
            if (row := known.get(pattern.id)) is not None:
                series[row["parts"]] = row["numbers"]
            yield pattern, series


def _born(pattern: LogPattern, whole: Period) -> int:
    """Return the first part in which a pattern can have a rate: that in which it was first seen."""
    return max(0, (pattern.created - whole.since) // PART)


def _bounds(low: Series, high: Series, place: int) -> tuple[float | None, float | None]:
    if place < 0 or np.isnan(low[place]):
        return None, None
    return float(low[place]), float(high[place])


def _is_echo(known: Series, place: int, season: int, middle: float) -> bool:
    """Whether it was the season before that was unusual: the one before that is like this one."""
    before = known[place - season]
    earlier = known[place - 2 * season] if place >= 2 * season else middle
    return bool(2 * abs(known[place] - earlier) < abs(known[place] - before))


def _unusual(
    pattern: LogPattern, series: Series, whole: Period, period: Period, season: int, *, above: bool
) -> list[UnusualPattern]:
    born, parts = _born(pattern, whole), season // PART
    known = series[born:]
    values = known[parts:] - known[:-parts] if parts else known
    if len(values) < _LEAST:
        return []
    scores = detect(values.tolist())
    middle = float(np.median(known))
    fired = [
        one
        for one in scores.fired
        if whole.since + (born + parts + one + 1) * PART > period.since
        and not (above and values[one] <= np.mean(values[:one]))
        and not (parts and _is_echo(known, one + parts, parts, middle))
    ]
    if not fired:
        return []
    low, high = expected_band(known, parts)
    return [
        UnusualPattern(
            pattern=pattern, ns=whole.since + (born + parts + one) * PART,
            lines=int(known[one + parts]), usual=float(np.mean(known[: one + parts])),
            low=float(low[one + parts]), high=float(high[one + parts]), season=season,
            rarity=scores.scores[one],
        )
        for one in fired
    ]  # fmt: skip


def anomalies_found(
    reader: PatternRates, period: Period, *, service: str, history: timedelta, season: timedelta
) -> answers.AnomaliesFound:
    """Judge rates now, and return unusual patterns as the API answers them.

    Args:
        reader: of the tenant
        period: in which they fired
        service: whose lines; empty for all
        history: before the end of the period, from which it is known what is usual
        season: compare with so long before; zero for none

    Returns:
        The most unusual first.

    Raises:
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    lengths = (int(one.total_seconds()) * 10**9 for one in (history, season))
    views = [anomaly_view(one, period) for one in reader.unusual(period, service, *lengths)]
    return answers.AnomaliesFound(**moments(period), saved=False, anomalies=views)


def anomaly_view(one: UnusualPattern, period: Period) -> answers.LogAnomalyView:
    """Return an unusual pattern of a period as the API answers it."""
    return answers.LogAnomalyView(
        pattern=view_of(one.pattern, period), timestamp=moment_of(one.ns), count=one.lines,
        usual=one.usual, low=one.low, high=one.high, season_seconds=one.season // 10**9,
        rarity=one.rarity,
    )  # fmt: skip


def rate_found(
    reader: PatternRates, pattern_id: str, period: Period
) -> answers.PatternRateFound:  # fmt: skip
    """Return the rate of a pattern as the API answers it.

    Args:
        reader: of the tenant
        pattern_id: of the pattern
        period: of the lines

    Returns:
        Its rate by five minutes, with what was expected.

    Raises:
        NotFound: the tenant has no such pattern
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    found = reader.rate(pattern_id.lower(), period)
    return answers.PatternRateFound(
        **moments(period), pattern=view_of(found.pattern, period),
        season_seconds=found.season // 10**9,
        parts=[
            answers.RatePartView(
                start=moment_of(one.ns), count=one.lines, low=one.low, high=one.high
            )
            for one in found.parts
        ],
    )  # fmt: skip
