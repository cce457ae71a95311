"""Figures of a period beside the period before it: how many alerts, how fast, of which rules.

Rollups of whole hours and days (`sentinel.store.reports.rollup_upkeep`) are added up, and the rest
is computed from the alerts. The result is the same whichever rollups exist.
"""

# ruff: noqa: S608 - the names in these statements are ours

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from sentinel.access import EVERYTHING, Scope
from sentinel.severity import Severity
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import scope_text
from sentinel.store.reports.rollup_spans import NONE, Kept, Parts, kept_in
from sentinel.store.reports.rollups import (
    DAY,
    FIGURES,
    NO_DRILL,
    asked,
    figures,
    milliseconds,
    moment_of,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DEFINITIONS", "Bucket", "Noisy", "Period", "Trend", "trend"]

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
_AT_ONCE = 50
"""The most parts of a period in one statement."""
_SEVERITIES = ", ".join(str(int(one)) for one in Severity)
_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in FIGURES)


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
    """A rule by how many alerts it opened; times in seconds."""

    rule: str
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
        scope: of whoever asks; rollups are of all tenants, so that for less than everything each
            alert of both periods is read

    Returns:
        Both periods, and the buckets of the later one.
    """
    until = store.now()
    since = until - length
    with store.snapshot() as connection:
        kept_there = kept_in(connection, since - length, until) if scope.is_everything else NONE
        asking = _Asking(connection, kept_there, scope)
        late, earlier = asking.parts(since, until), asking.parts(since - length, since)
        kept = asking.kept(late, "rule", "ended", "category", "team")
        kept_before = asking.kept(earlier, "rule", "ended")
        now, before = asking.by_rule(late, kept), asking.by_rule(earlier, kept_before)
        ended = {True: asking.ended(late, kept), False: asking.ended(earlier, kept_before)}
        categories, teams = asking.by_kind(late, kept)
        buckets = asking.stepped(since, until, step)

    def period(of: bool) -> Period:
        rules, (over, lasted) = list((now if of else before).values()), ended[of]
        count, taken = sum(one.opened for one in rules), sum(one.taken for one in rules)
        waited = sum(one.waited for one in rules)
        return Period(
            opened=count, resolved=over, unattended=count - taken,
            acknowledge=_mean(waited, taken), resolve=_mean(lasted, over),
        )  # fmt: skip

    return Trend(
        since=since,
        until=until,
        step=step,
        now=period(True),
        before=period(False),
        buckets=buckets,
        by_category=_most(categories),
        by_team=_most(teams),
        noisy=[
            Noisy(
                rule=rule,
                opened=opened,
                before=before[rule].opened if rule in before else 0,
                critical=now[rule].critical,
                unattended=opened - now[rule].taken,
                acknowledge=_mean(now[rule].waited, now[rule].taken),
                resolve=_mean(now[rule].lasted, now[rule].ended),
            )
            for rule, opened in _most({rule: one.opened for rule, one in now.items()})
        ],
    )


class _Figures(NamedTuple):
    """The columns of `sentinel.schema.rollups.Rollup`; times in milliseconds."""

    opened: int
    critical: int
    taken: int
    waited: int
    ended: int
    lasted: int


_Sums = dict[str, dict[str, _Figures]]


def _added(known: _Figures | None, numbers: Sequence[int]) -> _Figures:
    if known is None:
        return _Figures(*numbers)
    return _Figures(*map(sum, zip(known, numbers, strict=True)))


class _Asking:
    """The queries of one transaction; each adds rollups to what is computed from alerts."""

    def __init__(self, connection: Connection, kept: Kept, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope_text(scope)
        self._dialect = connection.dialect.name
        self.parts = kept.parts

    def kept(self, parts: Parts, *kinds: str) -> _Sums:
        """Return the rollups of these parts, by kind and name."""
        found: _Sums = {kind: {} for kind in kinds}
        names = ", ".join(f"'{kind}'" for kind in kinds)
        for kind, name, *numbers in self._rolled_up(
            parts, f"kind, name, {_SUMS}", f"kind, name, {', '.join(FIGURES)}", names, "kind, name"
        ):
            found[kind][name] = _added(found[kind].get(name), numbers)
        return found

    def by_rule(self, parts: Parts, kept: _Sums) -> dict[str, _Figures]:
        found = dict(kept["rule"])
        for rule, *numbers in self._walked(
            parts, f"rule, {figures(self._dialect)}",
            "alert.rule, severity, opened_at, acknowledged_at, resolved_at", "opened_at",
            groups="rule",
        ):  # fmt: skip
            found[rule] = _added(found.get(rule), numbers)
        return found

    def ended(self, parts: Parts, kept: _Sums) -> tuple[int, int]:
        """Return how many alerts were resolved, and after how many milliseconds in total."""
        took = milliseconds(self._dialect, "opened_at", "resolved_at")
        rows = [(one.ended, one.lasted) for one in kept["ended"].values()]
        rows += self._walked(
            parts, f"count(*), {took}", "opened_at, resolved_at", "resolved_at",
            more="opened_at IS NOT NULL AND",
        )  # fmt: skip
        return sum(row[0] for row in rows), sum(row[1] for row in rows)

    def by_kind(self, parts: Parts, kept: _Sums) -> tuple[Counter[str], Counter[str]]:
        """Return how many alerts opened by category, and by team."""
        categories, teams = Counter[str](), Counter[str]()
        for counted, kind in ((categories, "category"), (teams, "team")):
            for name, one in kept[kind].items():
                counted[name or "none"] += one.opened
        kinds = "category, team"
        for category, team, count in self._walked(
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
        if self._dialect == "postgresql":
            at = f"date_trunc('{'hour' if hours else 'minute'}', opened_at)"
        else:  # a moment is text that begins with its hour and minute
            end = ":00+00:00" if hours else "+00:00"
            at = f"substr(opened_at, 1, {13 if hours else 16}) || '{end}'"
        counted: Counter[tuple[datetime, int]] = Counter()
        width = step.total_seconds()

        def count(begins: datetime, severity: int, opened: int) -> None:
            whole = begins.timestamp() // width * width
            counted[datetime.fromtimestamp(whole, tz=UTC), severity] += opened

        for hour, severity, opened in self._rolled_up(
            parts, "at, name, CAST(sum(opened) AS BIGINT)", "at, name, opened", "'severity'",
            "at, name",
        ):  # fmt: skip
            count(moment_of(hour), int(severity), opened)
        for given, severity, opened in self._walked(
            parts, "at, severity, count(*)", f"{at} AS at, severity", "opened_at",
            # One severity at a time, so that the index of both answers without reading a row.
            more=f"severity IN ({_SEVERITIES}) AND", groups="at, severity",
        ):  # fmt: skip
            found = datetime.fromisoformat(given) if isinstance(given, str) else given
            count(found, severity, opened)
        return [Bucket(at=at, severity=rank, opened=n) for (at, rank), n in sorted(counted.items())]

    def _rolled_up(
        self, parts: Parts, wanted: str, columns: str, kinds: str, groups: str
    ) -> Iterator[Any]:
        # Our own integers, written out: a generic plan for any numbers reads far too much.
        arms = [
            f"SELECT {columns} FROM tally WHERE kind IN ({kinds}) AND hours = {width:d} "
            f"AND at >= {begin:d} AND at < {end:d}"
            for width, begin, end in parts.kept
        ]
        return self._of_all(
            [(arm, ()) for arm in arms], f"SELECT {wanted} FROM", f"GROUP BY {groups}"
        )

    def _walked(
        self, parts: Parts, wanted: str, columns: str, moment: str, more: str = "", groups: str = ""
    ) -> Iterator[Any]:
        where, cells = self._scope
        arm = f"SELECT {columns} FROM alert WHERE {more} {where} {NO_DRILL} "
        arm += f"AND {moment} >= ? AND {moment} < ?"
        grouped = f"GROUP BY {groups}" if groups else ""
        return self._of_all(
            [(arm, (*cells, *span)) for span in parts.walked], f"SELECT {wanted} FROM", grouped
        )

    def _of_all(
        self, arms: Sequence[tuple[str, tuple[Any, ...]]], before: str, after: str
    ) -> Iterator[Any]:
        """Yield the result over one range of an index for each of `arms`."""
        for some in chunks(arms, _AT_ONCE):
            together = " UNION ALL ".join(arm for arm, _ in some)
            cells = [cell for _, span in some for cell in span]
            yield from asked(
                self._connection, f"{before} ({together}) AS parts {after}", cells
            ).all()


def _most(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_RULES]


def _mean(milliseconds: int, count: int) -> float | None:
    """Return the mean in seconds, or None where nothing was counted."""
    return milliseconds / count / 1000 if count else None
