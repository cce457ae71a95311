"""Digests of teams: made from what is stored, and sent once for each period.

A team is that of alerts (their `team`) and the owner of rules; when its digest is due stands in the
on-call document, beside its people and its schedule.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, func, select

from sentinel.errors import NotFound
from sentinel.notifications.digest import (
    Digest,
    DigestAlert,
    DigestRule,
    DigestShift,
    digest_notice,
)
from sentinel.oncall.digest import TeamDigest
from sentinel.oncall.document import Team
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.schema.digests import DigestRun
from sentinel.severity import Severity
from sentinel.store.alerts.filter import AlertFilter, narrowed
from sentinel.store.database.each import sum_of_each
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, table_of
from sentinel.store.notifications.notices import add_notices
from sentinel.store.notifications.owned_rules import owned_rules
from sentinel.store.oncall.documents import active_document
from sentinel.store.oncall.stored import StoredOnCall
from sentinel.store.reports.period_comparison import Span, compare

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["digest_of", "send_digests"]

RUN = table_of(DigestRun)
_MOST_ALERTS = 10_000
_MOST_OPEN = 100
_MOST_RULES = 500
_LONGEST = timedelta(days=31)
_AHEAD = timedelta(days=7)


def digest_of(store: Store, team: str, at: datetime | None = None) -> Digest:
    """Return the digest of a team as of its last time that it was due; nothing is sent.

    Args:
        store: the shared database
        team: of the on-call document
        at: the moment before which it was due; None for now

    Returns:
        The digest of the period that ended then.

    Raises:
        NotFound: the on-call document has no such team, or no digest of it
    """
    with store.read() as connection:
        teams = active_document(connection).teams
    found = teams.get(team)
    if found is None or found.digest is None:
        known = ", ".join(name for name, one in sorted(teams.items()) if one.digest) or "none"
        raise NotFound(
            f"there is no digest of a team {team!r}",
            hint=f"Teams with one: {known}. Set it in the on-call document: teams.{team}.digest",
        )
    until = found.digest.last_due(at or store.now())
    since = found.digest.last_due(until - timedelta(seconds=1))
    return _digest(store, team, found, found.digest, since, until)


def send_digests(store: Store) -> int:
    """Add the digests that are due and that were not added before.

    Of a digest that is new in the document the next one is sent, not the last. Where several were
    missed, one is sent about all of their time, up to 31 days.

    Args:
        store: the shared database

    Returns:
        How many were sent, each to all receivers of its team.

    Raises:
        Exception: that of the first team that failed, once all others are sent
    """
    now = store.now()
    with store.glance() as connection:
        teams = active_document(connection).teams
    return sum_of_each(
        sorted(teams), lambda name: _send(store, name, teams[name], now), "the digest of team"
    )


def _send(store: Store, name: str, team: Team, now: datetime) -> int:
    """Add the digest of one team where it is due; 1 where it is."""
    if team.digest is None:
        return 0
    until = team.digest.last_due(now)
    with store.glance() as connection:
        last: datetime | None = connection.execute(_LAST, {"team": name}).scalar()
    if last is not None and last >= until:
        return 0
    new: Digest | None = None
    if last is not None:
        since = max(last, until - _LONGEST)
        new = _digest(store, name, team, team.digest, since, until)
    return store.in_transaction(partial(_add, store, name, team.digest, until, new))


def _add(
    store: Store, team: str, times: TeamDigest, until: datetime, new: Digest | None,
    connection: Connection,
) -> int:  # fmt: skip
    """Note that a period is over, and add its digest in the same transaction; 1 where it is."""
    now = store.now()
    insert = insert_into(store.dialect, RUN).values(team=team, until=until, made_at=now)
    mine = connection.execute(insert.on_conflict_do_nothing().returning(RUN.c.team)).first()
    if mine is None or new is None or (new.empty and not times.empty):
        return 0
    notices = [digest_notice(new, receiver) for receiver in dict.fromkeys(times.receivers)]
    add_notices(store, connection, notices, now)
    return 1


def _digest(
    store: Store, name: str, team: Team, times: TeamDigest, since: datetime, until: datetime
) -> Digest:
    owned = [one for one in owned_rules(store) if one.owner == name][:_MOST_RULES]
    mine = AlertFilter(
        any_of=(
            AlertFilter(team=name),
            *(AlertFilter(rule=one.rule, tenant=one.tenant) for one in owned),
        )
    )
    length = until - since
    compared = compare(
        store, mine, Span(since=since - length, until=since), Span(since=since, until=until)
    )
    conditions = [*narrowed(mine, store.now()), ALERT.c.rule != DRILL_RULE]
    within = (ALERT.c.opened_at >= since, ALERT.c.opened_at < until, *conditions)
    live = (ALERT.c.status.in_(("open", "acknowledged")), ALERT.c.opened_at < until, *conditions)
    columns = (
        ALERT.c.id, ALERT.c.rule, ALERT.c.title, ALERT.c.severity_word, ALERT.c.status,
        ALERT.c.opened_at, ALERT.c.acknowledged_at, ALERT.c.acknowledged_by, ALERT.c.resolved_at,
    )  # fmt: skip
    opened = select(*columns).where(*within).order_by(ALERT.c.opened_at, ALERT.c.id)
    open_ = select(*columns).where(*live).order_by(ALERT.c.severity.desc(), ALERT.c.opened_at)
    by = select(ALERT.c.severity, func.count()).where(*within).group_by(ALERT.c.severity)
    with store.read() as connection:
        alerts = connection.execute(opened.limit(_MOST_ALERTS)).all()
        still = connection.execute(open_.limit(_MOST_OPEN)).all()
        count = connection.execute(select(func.count()).where(*live)).scalar_one()
        severities = connection.execute(by.order_by(ALERT.c.severity.desc())).tuples().all()
    dashboard = store.options.dashboard_url.rstrip("/")
    rules = sorted(
        (
            DigestRule(rule=one.rule, opened=one.second, before=one.first)
            for one in compared.rules if one.second
        ),
        key=lambda one: (-one.opened, one.rule),
    )  # fmt: skip
    return Digest(
        team=name, since=since, until=until, timezone=times.timezone,
        opened=compared.second.opened, before=compared.first.opened,
        resolved=compared.second.resolved, unattended=compared.second.unattended,
        acknowledge=compared.second.acknowledge, resolve=compared.second.resolve,
        severities=[(Severity(rank).word, number) for rank, number in severities], rules=rules,
        more_rules=compared.more, open=[_alert(row, dashboard) for row in still],
        open_count=count, alerts=[_alert(row, dashboard) for row in alerts],
        cut=max(0, compared.second.opened - len(alerts)), shifts=_shifts(store, team, until),
        url=f"{dashboard}/",
    )  # fmt: skip


def _alert(row: Row[Any], dashboard: str) -> DigestAlert:
    return DigestAlert(
        id=row.id, rule=row.rule, title=row.title, severity=row.severity_word, status=row.status,
        opened_at=row.opened_at, acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by, resolved_at=row.resolved_at,
        url=f"{dashboard}/?alert={row.id}",
    )  # fmt: skip


def _shifts(store: Store, team: Team, at: datetime) -> list[DigestShift]:
    if team.schedule is None:
        return []
    found = StoredOnCall(store).shifts(at, at + _AHEAD, team.schedule)
    return [
        DigestShift(people=one.people, start=max(one.start, at), end=min(one.end, at + _AHEAD))
        for _, one in found
    ]


# Built once, since SQLAlchemy compiles a statement once for each object.
_LAST = select(func.max(RUN.c.until)).where(RUN.c.team == bindparam("team"))
