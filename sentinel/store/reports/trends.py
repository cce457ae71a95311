"""Figures of a period beside the period before it: how many alerts, how fast, of which rules.

Rollups of whole hours and days (`sentinel.store.reports.rollup_upkeep`) are added up, and the rest
is computed from the alerts. The result is the same whichever rollups exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sentinel.access import EVERYTHING, Scope
from sentinel.severity import Severity
from sentinel.store.reports.period_reads import (
    OF_ALERTS,
    PeriodReads,
    RuleName,
    Sums,
    SumsByName,
    added,
    mean,
    rollups_for,
)
from sentinel.store.reports.rollup_spans import Parts
from sentinel.store.reports.rollups import A_DRILL, DAY, figures, milliseconds, moment_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DEFINITIONS", "Bucket", "Noisy", "Period", "Trend", "TrendReads", "period_of", "trend"]

DEFINITIONS = {
    "opened": "Alerts that opened in the period. One that reopened counts by when it first opened.",
    "resolved": "Alerts that were resolved in the period, by a person or by Sentinel.",
    "acknowledge": (
        "Mean time from opened to acknowledged, of alerts that opened in the period and have been "
        "acknowledged (by the acknowledgement that holds now or held when they were resolved)."
    ),
    "resolve": "Mean time from opened to resolved, of alerts that were resolved in the period.",
    "unattended": (
        "Alerts that opened in the period and were never acknowledged, whether they were resolved "
        "since or are still open."
    ),
}
MOST_RULES = 12
_ALL_BUT_DRILLS = (("", 1), (A_DRILL, -1))
"""What counts of which alerts: the indexes that answer for all of them do not have the rule."""
_Name = TypeVar("_Name", str, RuleName)
_SEVERITIES = ", ".join(str(int(one)) for one in Severity)


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one period; times in seconds, None where nothing was measured."""

    opened: int
    resolved: int
    unattended: int
    acknowledge: float | None
    resolve: float | None


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts of one severity opened in the step that begins at `at`."""

    at: datetime
    severity: int
    opened: int


class Noisy(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of a tenant by how many alerts it opened; times in seconds."""

    rule: str
    tenant: str
    opened: int
    before: int
    critical: int
    unattended: int
    acknowledge: float | None
    resolve: float | None


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """A period beside the one before.

    Attributes:
        step: width of a bucket
        by_category: how many alerts opened by category, the most first
        by_team: how many alerts opened by team, the most first
    """

    since: datetime
    until: datetime
    step: timedelta
    now: Period
    before: Period
    buckets: list[Bucket]
    by_category: list[tuple[str, int]]
    by_team: list[tuple[str, int]]
    noisy: list[Noisy]


def trend(store: Store, length: timedelta, step: timedelta, scope: Scope = EVERYTHING) -> Trend:
    """Compare the last `length` with the same length before it.

    Args:
        store: the shared database
        length: of the period that ends now
        step: of the chart, in whole minutes
        scope: of whoever asks; rollups know no teams, so that for a scope of teams each alert of
            both periods is read

    Returns:
        Both periods, and the buckets of the later one.
    """
    until = store.now()
    since = until - length
    with store.snapshot() as connection:
        there = rollups_for(connection, since - length, until, scope)
        asking = TrendReads(connection, there, scope)
        late, earlier = asking.parts(since, until), asking.parts(since - length, since)
        kept = asking.kept(late, "ended", "category", "team")
        kept_before = asking.kept(earlier, "ended")
        now, before = asking.by_rule(late), asking.by_rule(earlier)
        ended = {True: asking.ended(late, kept), False: asking.ended(earlier, kept_before)}
        categories, teams = asking.by_kind(late, kept)
        buckets = asking.stepped(since, until, step)

    return Trend(
        since=since,
        until=until,
        step=step,
        now=period_of(now, ended[True]),
        before=period_of(before, ended[False]),
        buckets=buckets,
        by_category=_most(categories),
        by_team=_most(teams),
        noisy=[
            Noisy(
                rule=rule.rule,
                tenant=rule.tenant,
                opened=opened,
                before=before[rule].opened if rule in before else 0,
                critical=now[rule].critical,
                unattended=opened - now[rule].taken,
                acknowledge=mean(now[rule].waited, now[rule].taken),
                resolve=mean(now[rule].lasted, now[rule].ended),
            )
            for rule, opened in _most({rule: one.opened for rule, one in now.items()})
        ],
    )


def period_of(rules: Mapping[RuleName, Sums], ended: tuple[int, int]) -> Period:
    """Return the figures of a period.

    Args:
        rules: what opened in it, by rule
        ended: how many alerts were resolved in it, and after how many milliseconds in total

    Returns:
        The figures.
    """
    count, taken = (
        sum(one.opened for one in rules.values()),
        sum(one.taken for one in rules.values()),
    )
    waited = sum(one.waited for one in rules.values())
    over, lasted = ended
    return Period(
        opened=count, resolved=over, unattended=count - taken,
        acknowledge=mean(waited, taken), resolve=mean(lasted, over),
    )  # fmt: skip


class TrendReads(PeriodReads):
    """The queries of a trend."""

    def by_rule(self, parts: Parts) -> dict[RuleName, Sums]:
        """Return the figures of what opened, by rule."""
        found = self.kept_rules(parts)
        for rule, tenant, *numbers in self.walked(
            parts, f"rule, tenant, {figures(self.dialect)}",
            OF_ALERTS, "opened_at",
            groups="rule, tenant",
        ):  # fmt: skip
            key = RuleName(rule, tenant)
            found[key] = added(found.get(key), numbers)
        return found

    def ended(self, parts: Parts, kept: SumsByName) -> tuple[int, int]:
        """Return how many alerts were resolved, and after how many milliseconds in total."""
        took = milliseconds(self.dialect, "opened_at", "resolved_at")
        rows = [(one.ended, one.lasted) for one in kept["ended"].values()]
        for which, sign in _ALL_BUT_DRILLS:
            rows += [
                (sign * over, sign * lasted)
                for over, lasted in self.walked(
                    parts, f"count(*), {took}", "opened_at, resolved_at", "resolved_at",
                    more="opened_at IS NOT NULL AND", which=which,
                )
            ]  # fmt: skip
        return sum(row[0] for row in rows), sum(row[1] for row in rows)

    def by_kind(self, parts: Parts, kept: SumsByName) -> tuple[Counter[str], Counter[str]]:
        """Return how many alerts opened by category, and by team."""
        categories, teams = Counter[str](), Counter[str]()
        for counted, kind in ((categories, "category"), (teams, "team")):
            for name, one in kept[kind].items():
                counted[name or "none"] += one.opened
        kinds = "category, team"
        for category, team, count in self.walked(
            parts, f"{kinds}, count(*)", kinds, "opened_at", groups=kinds
        ):
            categories[category or "none"] += count
            teams[team or "none"] += count
        return categories, teams

    def stepped(self, since: datetime, until: datetime, step: timedelta) -> list[Bucket]:
        """Return what opened by step and severity; the database counts by hour or by minute."""
        hours = step % timedelta(hours=1) == timedelta(0)
        days = step % timedelta(hours=DAY) == timedelta(0)
        parts = self.parts(since, until, (DAY, 1) if days else (1,) if hours else ())
        if self.dialect == "postgresql":
            at = f"date_trunc('{'hour' if hours else 'minute'}', opened_at)"
        else:  # a moment is text that begins with its hour and minute
            end = ":00+00:00" if hours else "+00:00"
            at = f"substr(opened_at, 1, {13 if hours else 16}) || '{end}'"
        counted: Counter[tuple[datetime, int]] = Counter()
        width = step.total_seconds()

        def count(begins: datetime, severity: int, opened: int) -> None:
            whole = begins.timestamp() // width * width
            counted[datetime.fromtimestamp(whole, tz=UTC), severity] += opened

        for hour, severity, opened in self.rolled_up(
            parts, "at, name, CAST(sum(opened) AS BIGINT)", "at, name, opened", "'severity'",
            "at, name",
        ):  # fmt: skip
            count(moment_of(hour), int(severity), opened)
        for which, sign in _ALL_BUT_DRILLS:
            for given, severity, opened in self.walked(
                parts, "at, severity, count(*)", f"{at} AS at, severity", "opened_at",
                # One severity at a time, so that the index of both answers without reading a row.
                more=f"severity IN ({_SEVERITIES}) AND", groups="at, severity", which=which,
            ):  # fmt: skip
                found = datetime.fromisoformat(given) if isinstance(given, str) else given
                count(found, severity, sign * opened)
        return [
            Bucket(at=at, severity=rank, opened=n) for (at, rank), n in sorted(counted.items()) if n
        ]


def _most(counted: Mapping[_Name, int]) -> list[tuple[_Name, int]]:
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_RULES]
