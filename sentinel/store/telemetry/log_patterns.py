"""Patterns of one tenant's log lines: which there are, which are new or gone, which are unusual."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec
import numpy as np

from sentinel.metrics.anomaly import NORMAL, detect
from sentinel.store.telemetry.pattern_mining import MINUTE, NEAR
from sentinel.store.telemetry.reading import MOST_ROWS, Parameters, Period, TenantReader
from sentinel.telemetry import answers
from sentinel.telemetry.asked import moment_of
from sentinel.telemetry.pattern_shape import WILDCARD

__all__ = [
    "LogPattern",
    "LogPatterns",
    "UnusualPattern",
    "anomalies_found",
    "patterns_found",
    "query_of",
]

_NS = "toUnixTimestamp64Nano(Timestamp)"
_MOST_LOOKED_AT = 100
"""Patterns whose rates are compared with their past: those with most lines."""
_MOST_PATTERNS = 10_000
_PART = 5 * MINUTE


class LogPattern(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern, and its lines of a period.

    Attributes:
        id: 16 hex digits
        service: whose lines they are
        template: with `<*>` for what changes
        sample: one of its lines, at most 1,024 characters
        created: when it was first seen, in nanoseconds since 1970
        lines: of the period
        before: of a period of the same length before it
        levels: lines of the period by level
        first, last: of its lines of both periods, in nanoseconds since 1970
    """

    id: str
    service: str
    template: str
    sample: str
    created: int
    lines: int
    before: int
    levels: dict[str, int]
    first: int
    last: int


class UnusualPattern(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern whose rate is unusual.

    Attributes:
        pattern: its figures are of the period
        ns: when the rate was most unusual, in nanoseconds since 1970
        lines: of the five minutes from then on
        usual: of five minutes, in the mean
        rarity: one in so many five minutes is as unusual
    """

    pattern: LogPattern
    ns: int
    lines: int
    usual: float
    rarity: float


class LogPatterns(TenantReader):
    """Reads the patterns of one tenant's log lines.

    Minutes count when they have ended and their patterns were found, some seconds later.
    """

    def found(
        self, period: Period, service: str = "", level: str = "", limit: int = MOST_ROWS
    ) -> list[LogPattern]:
        """Return the patterns of a period and of one of the same length before it.

        Args:
            period: of the lines; whole minutes count
            service: whose lines; empty for all
            level: of the lines, such as `error`; empty for all
            limit: most patterns

        Returns:
            Those with most lines in the period first; those without any last.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        period = _whole(period)
        both = Period(2 * period.since - period.until, period.until)
        parameters = Parameters()
        since = parameters.bind(period.since, "Int64")
        condition = self._counted(parameters, service)
        if level:
            condition += f" AND Level = {parameters.bind(level)}"
        inner = self.scoped(
            "log_patterns",
            f"Pattern AS id, ServiceName AS service, Level AS level, "
            f"sumIf(Lines, {_NS} >= {since}) AS n, sumIf(Lines, {_NS} < {since}) AS before, "
            "toUnixTimestamp64Nano(min(First)) AS first, toUnixTimestamp64Nano(max(Last)) AS last",
            condition,
        )
        rows = self.rows(
            "SELECT id, service, sum(n) AS lines, sum(before) AS earlier, min(first) AS first, "  # noqa: S608 - made of `scoped`
            "max(last) AS last, groupArray(level) AS levels, groupArray(n) AS numbers "
            f"FROM ({inner} GROUP BY id, service, level) GROUP BY id, service "
            f"ORDER BY lines DESC, earlier DESC, id LIMIT {parameters.bind(limit, 'UInt64')}",
            both, parameters.values,
        )  # fmt: skip
        templates = self.templates([row["id"] for row in rows])
        return [_pattern(row, templates.get(row["id"], {})) for row in rows]

    def unusual(
        self, period: Period, service: str = "", history: int = 2 * 24 * 60 * MINUTE,
        season: int = 0, *, above: bool = False,
    ) -> list[UnusualPattern]:  # fmt: skip
        """Return the patterns whose rate was unusual in a period, by `sentinel.metrics.anomaly`.

        Args:
            period: in which the five minutes ended that were unusual; those of which not all lines
                are found yet do not count
            service: whose lines; empty for all
            history: nanoseconds before the end that say what is usual
            season: compare with so long before; 0 for none
            above: whether a rate below what is usual is left out

        Returns:
            The most unusual first, of the 100 patterns with most lines; a pattern that is younger
            than 110 times five minutes is not judged.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        until = self._looked_at(period, service, history + season) // _PART * _PART
        whole = Period(until - (history + season) // _PART * _PART, until)
        patterns = {one.id: one for one in self.found(period, service, limit=_MOST_LOOKED_AT)}
        parameters = Parameters()
        condition = self._counted(parameters, service)
        ids = parameters.bind(list(patterns), "Array(String)")
        parts = self.scoped(
            "log_patterns",
            f"Pattern AS id, intDiv({_NS} - {{since:Int64}}, {_PART}) AS part, sum(Lines) AS n",
            f"{condition} AND Pattern IN {ids}",
        )
        rows = self.rows(
            "SELECT id, groupArray(part) AS parts, groupArray(n) AS numbers "  # noqa: S608 - made of `scoped`
            f"FROM ({parts} GROUP BY id, part) GROUP BY id LIMIT {_MOST_LOOKED_AT}",
            whole, parameters.values,
        )  # fmt: skip
        length = (until - whole.since) // _PART
        series = {one: np.zeros(length) for one in patterns}
        for row in rows:
            series[row["id"]][row["parts"]] = row["numbers"]
        found = [
            one
            for id_, pattern in patterns.items()
            if (one := _unusual(pattern, series[id_], whole, period, season // _PART, above=above))
        ]
        return sorted(found, key=lambda one: (-one.rarity, one.pattern.id))

    def _looked_at(self, period: Period, service: str, back: int) -> int:
        """Return up to when all lines have their pattern.

        What comes late is looked for as far back as patterns are looked for at each turn. That the
        last minute had no lines is believed once a later one was looked at: they may be on the way.

        Returns:
            Nanoseconds since 1970, at most the end of the period.
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

    def _counted(self, parameters: Parameters, service: str) -> str:
        """Return the condition of rows of the last round of their minute."""
        rounds = self.scoped("log_mined", "ServiceName, Timestamp, max(Round)")
        which = (
            "Pattern != '' AND (ServiceName, Timestamp, Round) GLOBAL IN "
            f"({rounds} GROUP BY ServiceName, Timestamp)"
        )
        return which + (f" AND ServiceName = {parameters.bind(service)}" if service else "")


def _whole(period: Period) -> Period:
    since = period.since // MINUTE * MINUTE
    return Period(since, max(since + MINUTE, -(-period.until // MINUTE) * MINUTE))


def _pattern(row: Mapping[str, Any], template: Mapping[str, Any]) -> LogPattern:
    levels = {level: n for level, n in zip(row["levels"], row["numbers"], strict=True) if n}
    return LogPattern(
        id=row["id"], service=row["service"], template=template.get("template", WILDCARD),
        sample=template.get("sample", ""), created=template.get("created", row["first"]),
        lines=row["lines"], before=row["earlier"], levels=levels, first=row["first"],
        last=row["last"],
    )  # fmt: skip


def _unusual(
    pattern: LogPattern, series: np.ndarray[Any, np.dtype[np.float64]], whole: Period,
    period: Period, season: int, *, above: bool,
) -> UnusualPattern | None:  # fmt: skip
    # Before it was first seen it had no rate.
    born = max(0, (pattern.created - whole.since) // _PART)
    values = series[born:]
    if season:
        values = values[season:] - values[:-season]
    if len(values) < NORMAL.warm + 10:
        return None
    found = detect(values.tolist())
    offset = len(series) - len(values)
    fired = [
        one
        for one in found.fired
        if whole.since + (one + offset + 1) * _PART > period.since
        and not (above and values[one] <= np.mean(values[:one]))
    ]
    if not fired:
        return None
    place = max(fired, key=lambda one: found.scores[one])
    return UnusualPattern(
        pattern=pattern, ns=whole.since + (place + offset) * _PART,
        lines=int(series[place + offset]), usual=float(np.mean(series[born : place + offset])),
        rarity=found.scores[place],
    )  # fmt: skip


def patterns_found(
    reader: LogPatterns, period: Period, *, service: str, level: str,
    state: Literal["all", "new", "vanished"], limit: int,
) -> answers.PatternsFound:  # fmt: skip
    """Return patterns as the API answers them.

    Args:
        reader: of the tenant
        period: of the lines
        service: whose lines; empty for all
        level: of the lines; empty for all
        state: which patterns; `all` are those with lines in the period
        limit: most patterns

    Returns:
        Those with most lines first.

    Raises:
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    views = [
        _view(one, period) for one in reader.found(period, service, level, _MOST_PATTERNS)
    ]  # fmt: skip
    wanted = [one for one in views if (one.count if state == "all" else one.state == state)]
    return answers.PatternsFound(**_moments(period), patterns=wanted[:limit])


def anomalies_found(
    reader: LogPatterns, period: Period, *, service: str, history: timedelta, season: timedelta
) -> answers.AnomaliesFound:
    """Return unusual patterns as the API answers them.

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
    views = [
        answers.LogAnomalyView(
            pattern=_view(one.pattern, period), timestamp=moment_of(one.ns), count=one.lines,
            usual=one.usual, rarity=one.rarity,
        )
        for one in reader.unusual(period, service, *lengths)
    ]  # fmt: skip
    return answers.AnomaliesFound(**_moments(period), anomalies=views)


def _moments(period: Period) -> dict[str, str]:
    return {"since": moment_of(period.since), "until": moment_of(period.until)}


def _view(found: LogPattern, period: Period) -> answers.LogPatternView:
    state = "vanished" if not found.lines else "known"
    return answers.LogPatternView(
        id=found.id, service_name=found.service, template=found.template, sample=found.sample,
        state="new" if found.created >= period.since and found.lines else state,
        count=found.lines, count_before=found.before, levels=found.levels,
        created=moment_of(found.created), first_seen=moment_of(found.first),
        last_seen=moment_of(found.last), query=query_of(found),
    )  # fmt: skip


def query_of(pattern: LogPattern) -> str:
    """Return the query that finds the lines of a pattern.

    Args:
        pattern: the pattern

    Returns:
        Its id as a field; of lines without a text, which have no template, their service.
    """
    if pattern.sample:
        return f"pattern:{pattern.id}"
    plain = pattern.service and not set(pattern.service) & set('"\\*')
    return f'service:"{pattern.service}"' if plain else ""
