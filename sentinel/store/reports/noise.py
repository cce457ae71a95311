"""Which rules, teams and people have noisy alerts, and what would make a rule less noisy.

Counts are those of `measured`; what needs the order of alerts (flapping, duplicates) is read of the
newest alerts of the rules with the most. All that is decided is in `sentinel.noise`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, func, select, true, union_all

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.reasons import Reason
from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError, NotFound
from sentinel.noise.advice import Advice, Terms, advice_of
from sentinel.noise.history import Happened, Kept, duplicates, episodes_of, flapping
from sentinel.noise.score import PAGES_A_DAY, Counts, Fatigue, fatigue_of
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.severity import Severity
from sentinel.store.database.chunks import chunks
from sentinel.store.database.scoped import alert_in, rule_in
from sentinel.store.database.tables import ALERT, MEMBER, RULE, TIMELINE
from sentinel.store.escalations.rows import ESCALATION, PAGE
from sentinel.store.reports.measured import Measured, MeasuredPeriod, measured

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LONGEST", "NoiseReport", "RuleNoise", "Scored", "noise_report", "rule_noise"]

LONGEST = timedelta(days=60)
"""Rollups are kept so long: a longer period would be counted alert by alert."""
_MOST_RULES, _NEWEST = 12, 100
"""Of so many rules so many newest alerts are read for their order."""
_MOST_EPISODES = 2000
_MOST_PAGED = 5000
_PERIOD = timedelta(seconds=60)
_LOW = (int(Severity.INFO), int(Severity.LOW))


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """The fatigue of one rule, team or person: its alerts, its score and the parts of it."""

    name: str
    counts: Counts
    fatigue: Fatigue


class NoiseReport(msgspec.Struct, frozen=True, kw_only=True):
    """The noise of a period, the highest scores first.

    Attributes:
        people: who was paged; empty for whoever may not see on-call
    """

    since: datetime
    until: datetime
    rules: list[Scored]
    teams: list[Scored]
    people: list[Scored]


class RuleNoise(msgspec.Struct, frozen=True, kw_only=True):
    """The noise of one rule, and what would make it less.

    Attributes:
        team: the rule's; empty for none
        owner: file, ui or api
        episodes: how many times its alerts fired, of the newest 2,000
        advice: the most messages saved first
    """

    rule: str
    tenant: str
    team: str
    owner: str
    since: datetime
    until: datetime
    episodes: int
    scored: Scored
    advice: list[Advice]


def noise_report(
    store: Store,
    length: timedelta = timedelta(days=7),
    scope: Scope = EVERYTHING,
    figures: MeasuredPeriod | None = None,
) -> NoiseReport:
    """Return how noisy the rules, teams and people of the last time are.

    Args:
        store: the shared database
        length: of the period that ends now, at most `LONGEST`
        scope: of whoever asks; people are told to whoever sees everything
        figures: of the same scope, whose period is then that of the report; None to read them

    Returns:
        The twelve rules with the most alerts, and the teams of all.

    Raises:
        ConfigurationError: the period is too long
    """
    _check(length)
    now = store.now()
    found = figures or measured(store, now - length, now, scope)
    since, until = found.since, found.until
    rules = found.rules[:_MOST_RULES]
    with store.read() as connection:
        marked = _marked(connection, since, until, scope)
        alerts = _newest(connection, [one.name for one in rules], since, until, scope, _NEWEST)
        timelines = _timelines(connection, [one.id for one in alerts])
        periods = _periods(connection, [one.name for one in rules])
        people = _people(connection, since, until) if scope.is_everything else []
    by_rule: dict[str, list[Kept]] = defaultdict(list)
    by_team: dict[str, list[Kept]] = defaultdict(list)
    for one in alerts:
        by_rule[one.rule].append(one)
        by_team[one.team].append(one)
    flaps = {
        (rule, team): flapping(
            episodes_of([one for one in some if one.team == team], timelines),
            periods.get(rule, _PERIOD),
        )
        for rule, some in by_rule.items()
        for team in {one.team for one in some}
    }
    doubles = {rule: duplicates(some) for rule, some in by_rule.items()}

    def scored(one: Measured, seen: Sequence[Kept], flapped: int, twice: int, noise: int) -> Scored:
        counts = Counts(
            opened=one.opened, ended=one.resolved, ignored=one.ignored, low=one.low,
            noise=min(noise, one.opened), seen=len(seen), flapping=min(flapped, len(seen)),
            duplicates=twice, seconds=length.total_seconds(),
        )  # fmt: skip
        return Scored(name=one.name, counts=counts, fatigue=fatigue_of(counts))

    of_teams = [
        scored(
            one, by_team[one.name],
            sum(count for (_, team), count in flaps.items() if team == one.name),
            sum(
                duplicates([each for each in some if each.team == one.name])
                for some in by_rule.values()
            ),
            sum(count for (_, team), count in marked.items() if team == one.name),
        )
        for one in found.teams
    ]  # fmt: skip
    of_rules = [
        scored(
            one, by_rule[one.name],
            sum(count for (rule, _), count in flaps.items() if rule == one.name),
            doubles.get(one.name, 0),
            sum(count for (rule, _), count in marked.items() if rule == one.name),
        )
        for one in rules
    ]  # fmt: skip
    return NoiseReport(
        since=since, until=until, rules=_sorted(of_rules), teams=_sorted(of_teams),
        people=_sorted([_paged(name, some, length) for name, some in people]),
    )  # fmt: skip


def rule_noise(
    store: Store, tenant: str | None, rule: str, length: timedelta = timedelta(days=7),
    scope: Scope = EVERYTHING, zone: ZoneInfo | None = None,
) -> RuleNoise:  # fmt: skip
    """Return how noisy a rule is, and what each change would have made of its last alerts.

    Args:
        store: the shared database
        tenant: the rule's; None for the first that has one of this name
        rule: its name
        length: of the period that ends now, at most `LONGEST`
        scope: of whoever asks
        zone: by which a recurring silence is written; None for UTC

    Returns:
        Of at most the newest 2,000 alerts.

    Raises:
        NotFound: there is no such rule in scope
        ConfigurationError: the period is too long
    """
    _check(length)
    until = store.now()
    since = until - length
    with store.read() as connection:
        row = connection.execute(
            select(RULE.c.spec, RULE.c.source, RULE.c.tenant)
            .where(RULE.c.name == rule, *rule_in(scope))
            .where(true() if tenant is None else RULE.c.tenant == tenant)
            .order_by(RULE.c.tenant)
        ).first()
        if row is None:
            raise NotFound(
                f"there is no rule {rule!r}", hint="sentinel rule list shows what there is."
            )
        mine = [*alert_in(scope), ALERT.c.tenant == row.tenant]
        alerts = _kept(connection, rule, since, until, mine, _MOST_EPISODES)
        timelines = _timelines(connection, [one.id for one in alerts])
    spec: dict[str, Any] = row.spec
    period = _length(spec.get("every"), _PERIOD)
    episodes = episodes_of(alerts, timelines)
    ended = [one for one in alerts if one.resolved_at is not None]
    counts = Counts(
        opened=len(alerts), ended=len(ended),
        ignored=sum(not (one.acknowledged or one.by_hand) for one in ended),
        low=sum(one.severity in _LOW for one in alerts), noise=sum(one.noise for one in alerts),
        seen=len(episodes), flapping=flapping(episodes, period),
        duplicates=min(duplicates(alerts), len(episodes)), seconds=length.total_seconds(),
    )  # fmt: skip
    terms = Terms(
        name=rule, severity=Severity(max((one.severity for one in alerts), default=3)),
        hold=_length(spec.get("for"), timedelta(0)),
        keep_firing=_length(spec.get("keep_firing_for"), timedelta(0)),
        group_interval=_length(spec.get("group_interval"), timedelta(minutes=5)),
    )  # fmt: skip
    return RuleNoise(
        rule=rule, tenant=row.tenant, team=str(spec.get("team") or ""), owner=row.source,
        since=since, until=until, episodes=len(episodes),
        scored=Scored(name=rule, counts=counts, fatigue=fatigue_of(counts)),
        advice=advice_of(terms, episodes, until, zone or ZoneInfo("UTC")),
    )  # fmt: skip


def _check(length: timedelta) -> None:
    if not timedelta(hours=1) <= length <= LONGEST:
        raise ConfigurationError(
            "the period must be from one hour to 60 days",
            hint="Rollups, of which it is computed, are kept for 62 days.",
        )


def _length(given: object, otherwise: timedelta) -> timedelta:
    return parse_duration(given) if isinstance(given, str) and given else otherwise


def _sorted(found: list[Scored]) -> list[Scored]:
    return sorted(
        found, key=lambda one: (one.fatigue.score is None, -(one.fatigue.score or 0.0), one.name)
    )


def _marked(
    connection: Connection, since: datetime, until: datetime, scope: Scope
) -> Mapping[tuple[str, str], int]:
    """Return how many alerts people marked as noise, by rule and team."""
    query = (
        select(ALERT.c.rule, ALERT.c.team, func.count())
        .where(ALERT.c.noise_reason != "", ALERT.c.opened_at > since, ALERT.c.opened_at <= until)
        .where(ALERT.c.rule != DRILL_RULE, *alert_in(scope))
        .group_by(ALERT.c.rule, ALERT.c.team)
    )
    return {(rule, team): count for rule, team, count in connection.execute(query).tuples()}


_COLUMNS = tuple(
    ALERT.c[name]
    for name in (
        "id", "rule", "team", "fingerprint", "severity", "opened_at", "resolved_at",
        "acknowledged_at", "resolution", "noise_reason",
    )
)  # fmt: skip


def _newest(
    connection: Connection, rules: Sequence[str], since: datetime, until: datetime, scope: Scope,
    most: int,
) -> list[Kept]:  # fmt: skip
    """Return the newest alerts of each of some rules."""
    if not rules:
        return []
    parts = [
        _of_rule(rule, since, until, alert_in(scope), most).subquery().select() for rule in rules
    ]
    return [_alert(row) for row in connection.execute(union_all(*parts))]


def _kept(
    connection: Connection, rule: str, since: datetime, until: datetime, mine: list[Any], most: int
) -> list[Kept]:
    return [_alert(row) for row in connection.execute(_of_rule(rule, since, until, mine, most))]


def _of_rule(rule: str, since: datetime, until: datetime, mine: list[Any], most: int) -> Any:
    return (
        select(*_COLUMNS)
        .where(ALERT.c.rule == rule, ALERT.c.opened_at > since, ALERT.c.opened_at <= until, *mine)
        .order_by(ALERT.c.opened_at.desc(), ALERT.c.id.desc())
        .limit(most)
    )


def _alert(row: Any) -> Kept:
    return Kept(
        id=row.id, rule=row.rule, team=row.team, series=row.fingerprint, severity=row.severity,
        opened_at=row.opened_at, resolved_at=row.resolved_at,
        acknowledged=row.acknowledged_at is not None,
        by_hand=row.resolution == Reason.RESOLVED_MANUALLY, noise=row.noise_reason != "",
    )  # fmt: skip


def _timelines(connection: Connection, ids: Sequence[str]) -> dict[str, list[Happened]]:
    """Return when alerts were acknowledged, resolved and reopened, by alert."""
    found: dict[str, list[Happened]] = defaultdict(list)
    kinds = ("acknowledged", "resolved", "reopened")
    for some in chunks(ids, 500):
        query = (
            select(TIMELINE.c.alert_id, TIMELINE.c.at, TIMELINE.c.kind, TIMELINE.c.reason)
            .where(TIMELINE.c.alert_id.in_(some), TIMELINE.c.kind.in_(kinds))
            .order_by(TIMELINE.c.alert_id, TIMELINE.c.id)
        )
        for alert_id, at, kind, reason in connection.execute(query).tuples():
            found[alert_id].append(Happened(at, kind, reason))
    return found


def _periods(connection: Connection, rules: Sequence[str]) -> dict[str, timedelta]:
    query = select(RULE.c.name, RULE.c.spec).where(RULE.c.name.in_(rules))
    return {
        name: _length(spec.get("every"), _PERIOD)
        for name, spec in connection.execute(query).tuples()
    }


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
        .order_by(PAGE.c.attempted_at.desc())
        .limit(_MOST_PAGED)
    )
    rows = connection.execute(pages).tuples().all()
    counted = Counter(person for person, _ in rows)
    groups = sorted({group for _, group in rows})
    of_group: dict[str, list[Kept]] = defaultdict(list)
    for some in chunks(groups, 500):
        query = (
            select(MEMBER.c.group_id, *_COLUMNS)
            .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
            .where(MEMBER.c.group_id.in_(some))
            .limit(_MOST_PAGED)
        )
        for row in connection.execute(query):
            of_group[row.group_id].append(_alert(row))
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
        low=sum(one.severity in _LOW for one in alerts), noise=sum(one.noise for one in alerts),
        seen=len(alerts), flapping=0, duplicates=duplicates(alerts), pages=pages,
        seconds=length.total_seconds(), most_a_day=PAGES_A_DAY,
    )  # fmt: skip
    return Scored(name=name, counts=counts, fatigue=fatigue_of(counts))
