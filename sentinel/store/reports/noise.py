"""Which rules, teams and people have noisy alerts.

Counts are those of `measured`; what needs the order of alerts (flapping, duplicates) is read of the
newest alerts of the rules with the most. All that is decided is in `sentinel.noise`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, func, select, union_all

from sentinel.access import EVERYTHING, Scope
from sentinel.noise.history import Kept, duplicates, episodes_of, flapping
from sentinel.noise.ranking import Ranking
from sentinel.noise.score import PAGES_A_DAY, Counts, fatigue_of
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT, MEMBER
from sentinel.store.escalations.rows import ESCALATION, PAGE
from sentinel.store.reports.kept_alerts import (
    COLUMNS,
    LOW,
    PERIOD,
    Scored,
    alert_of,
    check_length,
    of_rule,
    periods_of,
    timelines_of,
)
from sentinel.store.reports.measured import Measured, MeasuredPeriod, measured
from sentinel.store.reports.noise_ranking import rule_ranking

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["NoiseReport", "noise_report"]

_MOST_RULES, _NEWEST = 12, 100
"""Of so many rules so many newest alerts are read for their order."""
_MOST_PAGED = 5000


class NoiseReport(msgspec.Struct, frozen=True, kw_only=True):
    """The noise of a period, the highest scores first.

    Attributes:
        ranking: how the rules are ordered, and why
        rules: where they are ordered by what was learned, those that it knows first
        people: who was paged; empty for whoever may not see on-call
    """

    since: datetime
    until: datetime
    ranking: Ranking
    rules: list[Scored]
    teams: list[Scored]
    people: list[Scored]


def noise_report(
    store: Store,
    length: timedelta = timedelta(days=7),
    scope: Scope = EVERYTHING,
    figures: MeasuredPeriod | None = None,
) -> NoiseReport:
    """Return how noisy the rules, teams and people of the last time are.

    Args:
        store: the shared database
        length: of the period that ends now, at most 60 days
        scope: of whoever asks; people are told to whoever sees everything
        figures: of the same scope, whose period is then that of the report; None to read them

    Returns:
        The twelve rules with the most alerts, each tenant's rule of a name by itself; and the
        teams of all.

    Raises:
        ConfigurationError: the period is too long
    """
    check_length(length)
    now = store.now()
    found = figures or measured(store, now - length, now, scope)
    since, until = found.since, found.until
    rules = found.rules[:_MOST_RULES]
    with store.read() as connection:
        marked = _marked(connection, since, until, scope)
        spans = periods_of(connection, [one.name for one in rules], scope)
        alerts = _newest(connection, rules, since, until, scope)
        timelines, whole_since = timelines_of(connection, [one.id for one in alerts])
        people = _people(connection, since, until) if scope.is_everything else []
    ranked = rule_ranking(store, scope)
    by_rule: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    by_team: dict[str, list[Kept]] = defaultdict(list)
    for one in alerts:
        by_rule[one.tenant, one.rule].append(one)
        by_team[one.team].append(one)
    flaps = {
        (*rule, team): flapping(
            episodes_of([one for one in some if one.team == team], timelines, whole_since),
            spans.get(rule, PERIOD),
        )
        for rule, some in by_rule.items()
        for team in {one.team for one in some}
    }

    def scored(
        one: Measured,
        seen: Sequence[Kept],
        flapped: int,
        twice: int,
        noise: int,
        tenant: str = "",
        learned: float | None = None,
    ) -> Scored:
        counts = Counts(
            opened=one.opened, ended=one.resolved, ignored=one.ignored, low=one.low,
            noise=min(noise, one.opened), seen=len(seen), flapping=min(flapped, len(seen)),
            duplicates=twice, seconds=length.total_seconds(),
        )  # fmt: skip
        return Scored(
            name=one.name, tenant=tenant, counts=counts, fatigue=fatigue_of(counts),
            learned=learned,
        )  # fmt: skip

    of_teams = [
        scored(
            one, by_team[one.name],
            sum(count for (*_, team), count in flaps.items() if team == one.name),
            sum(
                duplicates([each for each in some if each.team == one.name])
                for some in by_rule.values()
            ),
            sum(count for (*_, team), count in marked.items() if team == one.name),
        )
        for one in found.teams
    ]  # fmt: skip
    of_rules = [
        scored(
            one, by_rule[one.tenant, one.name],
            sum(
                count for (tenant, name, _), count in flaps.items()
                if (tenant, name) == (one.tenant, one.name)
            ),
            duplicates(by_rule[one.tenant, one.name]),
            sum(
                count for (tenant, name, _), count in marked.items()
                if (tenant, name) == (one.tenant, one.name)
            ),
            one.tenant if (one.tenant, one.name) in spans else "",
            ranked.values.get((one.tenant, one.name)),
        )
        for one in rules
    ]  # fmt: skip
    return NoiseReport(
        since=since, until=until, ranking=ranked.ranking, rules=_sorted(of_rules),
        teams=_sorted(of_teams),
        people=_sorted([_paged(name, some, length) for name, some in people]),
    )  # fmt: skip


def _sorted(found: list[Scored]) -> list[Scored]:
    return sorted(
        found,
        key=lambda one: (
            one.learned is None,
            -(one.learned or 0.0),
            one.fatigue.score is None,
            -(one.fatigue.score or 0.0),
            one.name,
            one.tenant,
        ),
    )


def _marked(
    connection: Connection, since: datetime, until: datetime, scope: Scope
) -> Mapping[tuple[str, str, str], int]:
    """Return how many alerts people marked as noise, by tenant, rule and team."""
    query = (
        select(ALERT.c.tenant, ALERT.c.rule, ALERT.c.team, func.count())
        .where(ALERT.c.noise_reason != "", ALERT.c.opened_at > since, ALERT.c.opened_at <= until)
        .where(ALERT.c.rule != DRILL_RULE, *alert_in(scope))
        .group_by(ALERT.c.tenant, ALERT.c.rule, ALERT.c.team)
    )
    return {
        (tenant, rule, team): count
        for tenant, rule, team, count in connection.execute(query).tuples()
    }


def _newest(
    connection: Connection, rules: Sequence[Measured], since: datetime, until: datetime,
    scope: Scope,
) -> list[Kept]:  # fmt: skip
    """Return the newest alerts of each of some rules."""
    if not rules:
        return []
    parts = [
        of_rule(one.name, since, until, [*alert_in(scope), ALERT.c.tenant == one.tenant], _NEWEST)
        .subquery()
        .select()
        for one in rules
    ]
    return [
        alert_of(row) for some in chunks(parts, 100) for row in connection.execute(union_all(*some))
    ]


def _people(
    connection: Connection, since: datetime, until: datetime
) -> list[tuple[str, tuple[int, list[Kept]]]]:
    """Return the pages of each person, and the alerts of the groups that paged them."""
    pages = (
        select(PAGE.c.person, PAGE.c.group_id)
        .join(ESCALATION, ESCALATION.c.id == PAGE.c.escalation_id)
        .where(ESCALATION.c.drill.is_(False))
        .where(PAGE.c.attempted_at > since, PAGE.c.attempted_at <= until)
        .where(PAGE.c.person != "", PAGE.c.kind.in_(("page", "again")), PAGE.c.state == "sent")
        .order_by(PAGE.c.attempted_at.desc(), PAGE.c.id.desc())
        .limit(_MOST_PAGED)
    )
    rows = connection.execute(pages).tuples().all()
    counted = Counter(person for person, _ in rows)
    groups = sorted({group for _, group in rows})
    of_group: dict[str, list[Kept]] = defaultdict(list)
    for some in chunks(groups, 500):
        query = (
            select(MEMBER.c.group_id, *COLUMNS)
            .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
            .where(MEMBER.c.group_id.in_(some))
            .order_by(MEMBER.c.group_id.desc(), MEMBER.c.alert_id.desc())
            .limit(_MOST_PAGED)
        )
        for row in connection.execute(query):
            of_group[row.group_id].append(alert_of(row))
    mine: dict[str, dict[str, Kept]] = defaultdict(dict)
    for person, group in rows:
        mine[person] |= {one.id: one for one in of_group[group]}
    return [(person, (counted[person], list(some.values()))) for person, some in mine.items()]


def _paged(name: str, paged: tuple[int, list[Kept]], length: timedelta) -> Scored:
    pages, alerts = paged
    ended = [one for one in alerts if one.resolved_at is not None]
    counts = Counts(
        opened=len(alerts), ended=len(ended),
        ignored=sum(not (one.acknowledged or one.by_hand) for one in ended),
        low=sum(one.severity in LOW for one in alerts), noise=sum(one.noise for one in alerts),
        seen=len(alerts), flapping=0, duplicates=duplicates(alerts), pages=pages,
        seconds=length.total_seconds(), most_a_day=PAGES_A_DAY,
    )  # fmt: skip
    return Scored(name=name, counts=counts, fatigue=fatigue_of(counts))
