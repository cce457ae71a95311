"""Patterns of one tenant's log lines: which there are, which are new, and which are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sentinel.store.telemetry.pattern_mining import MINUTE
from sentinel.store.telemetry.reading import MOST_ROWS, Parameters, Period, TenantReader
from sentinel.telemetry import answers
from sentinel.telemetry.asked import moment_of
from sentinel.telemetry.pattern_shape import WILDCARD

__all__ = ["LogPattern", "LogPatterns", "moments", "patterns_found", "query_of", "view_of"]

_NS = "toUnixTimestamp64Nano(Timestamp)"
_MOST_PATTERNS = 10_000


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


class LogPatterns(TenantReader):
    """Reads the patterns of one tenant's log lines.

    Minutes count when they have ended and their patterns were found, some seconds later.
    """

    def found(
        self, period: Period, service: str = "", level: str = "", limit: int = MOST_ROWS,
        ids: Sequence[str] | None = None,
    ) -> list[LogPattern]:  # fmt: skip
        """Return the patterns of a period and of one of the same length before it.

        Args:
            period: of the lines; whole minutes count
            service: whose lines; empty for all
            level: of the lines, such as `error`; empty for all
            limit: most patterns
            ids: of these alone; None for all

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
        condition = self.counted(parameters, service)
        if level:
            condition += f" AND Level = {parameters.bind(level)}"
        if ids is not None:
            condition += f" AND Pattern IN {parameters.bind(list(ids), 'Array(String)')}"
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

    def counted(self, parameters: Parameters, service: str = "") -> str:
        """Return the condition of rows of the last round of their minute.

        Args:
            parameters: which its values are added to
            service: whose lines; empty for all

        Returns:
            A condition of `log_patterns`.
        """
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
        view_of(one, period) for one in reader.found(period, service, level, _MOST_PATTERNS)
    ]  # fmt: skip
    wanted = [one for one in views if (one.count if state == "all" else one.state == state)]
    return answers.PatternsFound(**moments(period), patterns=wanted[:limit])


def moments(period: Period) -> dict[str, str]:
    """Return the ends of a period as the API answers them."""
    return {"since": moment_of(period.since), "until": moment_of(period.until)}


def view_of(found: LogPattern, period: Period) -> answers.LogPatternView:
    """Return a pattern of a period as the API answers it."""
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
