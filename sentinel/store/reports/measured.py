"""How many alerts opened and how soon people reacted: by rule, team, severity and day.

Alerts are those that opened in the period. Rollups are read where they are valid, so that the
figures are the same whichever there are; for a scope of teams each alert is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sentinel.access import EVERYTHING, Scope
from sentinel.severity import Severity
from sentinel.store.reports.period_reads import (
    OF_ALERTS,
    SUMS,
    PeriodReads,
    RuleName,
    Sums,
    added,
    mean,
    rollups_for,
)
from sentinel.store.reports.rollup_spans import Parts
from sentinel.store.reports.rollups import DAY, FIGURES, figures, hour_of, moment_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DEFINITIONS", "MOST_NAMED", "Measured", "MeasuredPeriod", "measured"]

DEFINITIONS = {
    "MTTA": (
        "Mean time to acknowledge: from when an alert opened to when it was acknowledged, of the "
        "alerts that opened in the period and have been acknowledged (by the acknowledgement that "
        "holds now or held when they were resolved)."
    ),
    "MTTR": (
        "Mean time to resolve: from when an alert opened to when it was resolved, of the alerts "
        "that opened in the period and have been resolved, by a person or by Sentinel. One that "
        "reopened counts by when it first opened and by its last resolve."
    ),
    "Never acted on": (
        "Alerts that were resolved although no person acknowledged or resolved them."
    ),
}
"""What the figures mean, by the term that the pages use."""
MOST_NAMED = 50
"""So many rules and teams are returned, those with the most alerts."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the alerts of one name; times in seconds, None where nothing was measured.

    Attributes:
        tenant: of the rule; empty for all but rules
        name: of the rule or team, or the word of the severity; empty for alerts without a team
        opened: alerts that opened
        critical: those of them that are critical
        low: those of severity low or info
        acknowledged: those that have been acknowledged
        resolved: those that have been resolved
        ignored: those of the resolved that nobody acknowledged or resolved by hand
        acknowledge: mean time to acknowledge
        resolve: mean time to resolve
    """

    name: str
    opened: int
    critical: int
    low: int
    acknowledged: int
    resolved: int
    ignored: int
    acknowledge: float | None
    resolve: float | None
    tenant: str = ""


class MeasuredDay(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the alerts that opened on the day, in UTC, that begins at `at`."""

    at: datetime
    figures: Measured


class MeasuredPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A period, in all and by what its alerts are of; the most alerts first, days in time."""

    since: datetime
    until: datetime
    all: Measured
    rules: list[Measured]
    teams: list[Measured]
    severities: list[Measured]
    days: list[MeasuredDay]


def measured(
    store: Store, since: datetime, until: datetime, scope: Scope = EVERYTHING
) -> MeasuredPeriod:
    """Return the figures of the alerts that opened in a period.

    Args:
        store: the shared database
        since: alerts that opened after this moment
        until: and until this one
        scope: of whoever asks

    Returns:
        At most `MOST_NAMED` rules and teams.
    """
    with store.snapshot() as connection:
        reads = PeriodReads(connection, rollups_for(connection, since, until, scope), scope)
        parts = reads.parts(since, until)
        found = {kind: dict(sums) for kind, sums in reads.kept(parts, *_KINDS).items()}
        rules = reads.kept_rules(parts)
        days = _rolled_days(reads, parts)
        walked = reads.walked(
            parts, f"rule, tenant, team, severity, day, {figures(reads.dialect)}",
            f"{OF_ALERTS}, {hour_of(reads.dialect, 'opened_at')} / {DAY} AS day", "opened_at",
            groups="rule, tenant, team, severity, day",
        )  # fmt: skip
        for rule, tenant, team, severity, day, *numbers in walked:
            key = RuleName(rule, tenant)
            rules[key] = added(rules.get(key), numbers)
            for kind, name in (("team", team), ("severity", str(severity))):
                found[kind][name] = added(found[kind].get(name), numbers)
            days[day] = added(days.get(day), numbers)
    whole = Sums(*map(sum, zip(*found["severity"].values(), strict=True))) if days else _NOTHING
    severities = sorted(found["severity"].items(), key=lambda pair: -int(pair[0]))
    return MeasuredPeriod(
        since=since, until=until, all=_measured("", whole),
        rules=_rules(rules), teams=_named(found["team"]),
        severities=[_measured(Severity(int(rank)).word, sums) for rank, sums in severities],
        days=[
            MeasuredDay(at=moment_of(day * DAY), figures=_measured("", sums))
            for day, sums in sorted(days.items())
        ],
    )  # fmt: skip


_KINDS = ("team", "severity")
_NOTHING = Sums(0, 0, 0, 0, 0, 0, 0, 0)


def _rolled_days(reads: PeriodReads, parts: Parts) -> dict[int, Sums]:
    """Return the rollups of these parts by day, counted from 1970 on."""
    found: dict[int, Sums] = {}
    for day, *numbers in reads.rolled_up(
        parts, f"at / {DAY} AS day, {SUMS}", f"at, {', '.join(FIGURES)}", "'severity'",
        f"at / {DAY}",
    ):  # fmt: skip
        found[day] = added(found.get(day), numbers)
    return found


def _named(sums: Mapping[str, Sums]) -> list[Measured]:
    most = sorted(sums.items(), key=lambda pair: (-pair[1].opened, pair[0]))[:MOST_NAMED]
    return [_measured(name, one) for name, one in most]


def _rules(sums: Mapping[RuleName, Sums]) -> list[Measured]:
    most = sorted(sums.items(), key=lambda pair: (-pair[1].opened, pair[0]))[:MOST_NAMED]
    return [_measured(name.rule, one, name.tenant) for name, one in most]


def _measured(name: str, sums: Sums, tenant: str = "") -> Measured:
    return Measured(
        tenant=tenant, name=name, opened=sums.opened, critical=sums.critical, low=sums.low,
        acknowledged=sums.taken, resolved=sums.ended, ignored=sums.ignored,
        acknowledge=mean(sums.waited, sums.taken), resolve=mean(sums.lasted, sums.ended),
    )  # fmt: skip
