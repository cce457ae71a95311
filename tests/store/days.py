"""A rule over days, whose rollups are compared with a count of all alerts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text, update

from sentinel.access import Reach, Scope
from sentinel.alerts.actions import Action
from sentinel.clock import FakeClock
from sentinel.rules.rule import Rule
from sentinel.schema.columns import new_id
from sentinel.severity import Severity
from sentinel.store import Store
from sentinel.store.database.tables import ALERT
from sentinel.store.reports.measured import measured
from sentinel.store.reports.period_reads import RuleName
from sentinel.store.reports.trends import MOST_RULES, Bucket, Noisy, Period, Trend, trend
from tests.world import World

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "OF_ELSEWHERE",
    "Days",
    "assert_true",
    "keep",
    "kept",
    "settled",
]


ELSEWHERE = "elsewhere"
OF_ELSEWHERE = Scope((Reach(tenants=frozenset({ELSEWHERE})),))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


PERIODS = ((HOUR, 5 * MINUTE), (DAY, HOUR), (7 * DAY, 6 * HOUR), (30 * DAY, DAY))


def counted(store: Store, alerts: Sequence[Row[Any]], length: timedelta, step: timedelta) -> Trend:
    """What the definitions say, of all alerts one by one."""
    until = store.now()
    since = until - length

    def within(moment: datetime | None, late: bool = True) -> bool:
        end = until if late else since
        return moment is not None and end - length < moment <= end

    def mean(rows: list[Any], end: str) -> float | None:
        took = [getattr(one, end) - one.opened_at for one in rows if getattr(one, end)]
        return sum(took, timedelta(0)).total_seconds() / len(took) if took else None

    def period(late: bool) -> Period:
        opened = [one for one in alerts if within(one.opened_at, late)]
        resolved = [one for one in alerts if within(one.resolved_at, late) and one.opened_at]
        return Period(
            opened=len(opened),
            resolved=len(resolved),
            unattended=sum(one.acknowledged_at is None for one in opened),
            acknowledge=mean(opened, "acknowledged_at"),
            resolve=mean(resolved, "resolved_at"),
        )

    def named(one: Row[Any]) -> RuleName:
        return RuleName(one.rule, one.tenant)

    def most(numbers: Counter[Any]) -> list[tuple[Any, int]]:
        return sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_RULES]

    opened = [one for one in alerts if within(one.opened_at)]
    before = Counter(named(one) for one in alerts if within(one.opened_at, late=False))
    buckets = Counter(
        (one.opened_at - (one.opened_at - datetime(1970, 1, 1, tzinfo=UTC)) % step, one.severity)
        for one in opened
    )
    noisy: list[Noisy] = []
    for rule, number in most(Counter(named(one) for one in opened)):
        of = [one for one in opened if named(one) == rule]
        noisy.append(
            Noisy(
                rule=rule.rule, tenant=rule.tenant, opened=number, before=before[rule],
                critical=sum(one.severity == Severity.CRITICAL for one in of),
                unattended=sum(one.acknowledged_at is None for one in of),
                acknowledge=mean(of, "acknowledged_at"), resolve=mean(of, "resolved_at"),
            )
        )  # fmt: skip
    return Trend(
        since=since, until=until, step=step, now=period(True), before=period(False),
        buckets=[Bucket(at=at, severity=rank, opened=n)
                 for (at, rank), n in sorted(buckets.items())],
        by_category=most(Counter(one.category or "none" for one in opened)),
        by_team=most(Counter(one.team or "none" for one in opened)),
        noisy=noisy,
    )  # fmt: skip


def assert_true(store: Store) -> None:
    with store.read() as connection:
        alerts = connection.execute(select(ALERT)).all()
    for length, step in PERIODS:
        assert trend(store, length, step) == counted(store, alerts, length, step)
    theirs, of = [one for one in alerts if one.tenant == ELSEWHERE], PERIODS[-1]
    assert trend(store, *of, OF_ELSEWHERE) == counted(store, theirs, *of)
    until = store.now()
    found = measured(store, until - 30 * DAY, until)
    opened = [one for one in alerts if one.opened_at and until - 30 * DAY < one.opened_at <= until]
    for field, seen in (
        ("rule", found.rules), ("team", found.teams), ("severity", found.severities),
    ):  # fmt: skip

        def tenant_of(row: Row[Any], field: str = field) -> str:
            return row.tenant if field == "rule" else ""

        wanted = Counter((getattr(one, field), tenant_of(one)) for one in opened)
        words = {str(Severity(rank).word): rank for rank in range(1, 6)}
        assert {(words.get(one.name, one.name), one.tenant): one.opened for one in seen} == wanted
        for one in seen:
            name = (words.get(one.name, one.name), one.tenant)
            of = [row for row in opened if (getattr(row, field), tenant_of(row)) == name]
            assert (one.ignored, one.low, one.acknowledged, one.resolved) == ignored(of)
    days = Counter(one.opened_at.date() for one in opened)
    assert {one.at.date(): one.figures.opened for one in found.days} == days
    assert found.all.opened == len(opened)


def ignored(rows: Sequence[Row[Any]]) -> tuple[int, int, int, int]:
    """Never acted on, of low severity, acknowledged and resolved, of all alerts one by one."""
    ended = [one for one in rows if one.resolved_at is not None]
    return (
        sum(one.acknowledged_at is None and one.resolution != "resolved_manually" for one in ended),
        sum(one.severity <= Severity.LOW for one in rows),
        sum(one.acknowledged_at is not None for one in rows),
        len(ended),
    )


def kept(store: Store) -> list[tuple[int, int]]:
    """Width and hour of what is kept and holds."""
    query = (
        "SELECT hours, at FROM tally_hour WHERE NOT EXISTS (SELECT 1 FROM tally_mark "
        "WHERE tally_mark.at >= tally_hour.at AND tally_mark.at < tally_hour.at + hours)"
    )
    with store.read() as connection:
        return [(row[0], row[1]) for row in connection.execute(text(query))]


def keep(store: Store) -> None:
    """Upkeep until all is kept: PostgreSQL waits for whoever writes (it does by itself, too)."""
    until = time.monotonic() + 60
    settled = store.now() - 2 * HOUR
    while True:
        store.rollups.upkeep()
        with store.read() as connection:
            ready = connection.execute(text("SELECT ready FROM tally_state")).scalar_one()
        at = datetime.fromisoformat(ready).replace(tzinfo=UTC) if isinstance(ready, str) else ready
        if at > settled - HOUR:
            return
        assert time.monotonic() < until, "the figures of settled hours are not kept"


class Days:
    """A rule over days: what it sees, what people do, and what happens to the database."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.world = World(store, clock, category="system", team="ops")

    def passes(self, minutes: int) -> None:
        self.clock.forward(minutes=minutes)

    def sees(self, bad: set[str], good: set[str]) -> None:
        self.world.sees({**dict.fromkeys(good, 10.0), **dict.fromkeys(bad, 95.0)})

    def acts(self, action: Action, which: int) -> None:
        ids = self.world.ids()
        if ids:
            self.store.act([ids[which % len(ids)]], action)

    def is_edited(self, **fields: str) -> None:
        edited = {**self.world.rule.dump(), **fields}
        self.world.rule = Rule.model_validate(edited)

    def is_renamed(self, name: str) -> None:
        if name != self.world.rule.name:
            self.is_edited(name=name, renamed_from=self.world.rule.name)

    def forgets(self, hours: int) -> None:
        self.store.retain(timedelta(hours=hours))

    def is_kept(self, pieces: int | None) -> None:
        self.store.rollups.upkeep(pieces)

    def loses(self, which: int) -> None:
        ids = self.world.ids()
        if ids:
            with self.store.write() as connection:
                connection.execute(ALERT.delete().where(ALERT.c.id == ids[which % len(ids)]))

    def gets(self, which: int, hours: int, **columns: Any) -> None:
        """Another alert like one that is there, from long ago, as somebody brings it in."""
        ids = self.world.ids()
        if not ids:
            return
        with self.store.write() as connection:
            like = ALERT.c.id == ids[which % len(ids)]
            row = connection.execute(select(ALERT).where(like)).mappings().one()
            at = self.clock.now() - timedelta(hours=hours)
            old = {"id": new_id(), "fingerprint": new_id(), "opened_at": at, "status": "resolved",
                   "resolved_at": at + 3 * HOUR, **columns}  # fmt: skip
            connection.execute(ALERT.insert().values({**row, **old}))

    def gets_elsewhere(self, which: int, hours: int) -> None:
        """Another alert of a rule of the same name, of another tenant."""
        self.gets(which, hours, tenant=ELSEWHERE)

    def corrects(self, which: int, column: str, value: Any) -> None:
        ids = self.world.ids()
        if ids:
            with self.store.write() as connection:
                like = ALERT.c.id == ids[which % len(ids)]
                connection.execute(update(ALERT).where(like).values({column: value}))


def settled(store: Store, clock: FakeClock) -> Days:
    """Two alerts of one hour, three days ago, all of it kept."""
    days = Days(store, clock)
    days.sees({"/", "/a"}, set())
    days.passes(20)
    days.sees(set(), {"/", "/a"})
    days.passes(3 * 24 * 60)
    keep(store)
    assert len([hours for hours, _ in kept(store) if hours == 24]) >= 2
    assert_true(store)
    return days
