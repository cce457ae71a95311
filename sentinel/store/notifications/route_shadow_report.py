"""What a draft of the routes would have done beside the active ones, by receiver."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, and_, case, distinct, exists, func, select

from sentinel.errors import NotFound
from sentinel.notifications.reasons import words
from sentinel.schema.route_shadow import RouteShadow
from sentinel.store.database.tables import ALERT, MEMBER, NOTIFICATION_LOG
from sentinel.store.notifications.route_shadow import OUTCOME, shadow

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["ShadowExample", "ShadowReceiver", "ShadowReport", "shadow_report"]

_EXAMPLES = 3
_MOST_RECEIVERS = 500


class ShadowExample(msgspec.Struct, frozen=True, kw_only=True):
    """An alert with which draft and active routes do not do the same.

    Attributes:
        alert_id: of the alert
        title: of the alert; empty where retention has deleted it
        opened_at: when it opened
        kind: `draft` where only the draft names the receiver, `active` where only the active routes
            do, `held` where both do and the draft does not notify
        reason: of the draft's last decision; empty for none
        reason_text: the same in words
    """

    alert_id: str
    title: str
    opened_at: datetime
    kind: str
    reason: str
    reason_text: str


class ShadowReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft does for one receiver, in numbers of alerts.

    Attributes:
        receiver: its name; empty for nobody
        notified: alerts of which the draft would have notified it
        held: alerts that the draft sends its way, of which it would not have notified it so far
        waiting: alerts whose first notification is not due yet
        groups: conversations that the draft would have had with it
        active: alerts that the active routes send its way
        active_notified: those of them in whose groups it was notified
        only_draft: alerts that only the draft sends its way
        only_active: alerts that only the active routes send its way
        reasons: how many alerts it is not notified of, by reason code
        examples: some of the differences, the newest first
    """

    receiver: str
    notified: int
    held: int
    waiting: int
    groups: int
    active: int
    active_notified: int
    only_draft: int
    only_active: int
    reasons: dict[str, int]
    examples: list[ShadowExample]


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft would have done.

    Attributes:
        id: of the shadow
        running: whether it still runs
        started_at: when it was started
        started_by: by whom
        stopped_at: when it was stopped; None while it runs
        note: the reason
        since: alerts that opened from then on are counted
        until: and up to then
        alerts: so many opened
        receivers: by name
    """

    id: str
    running: bool
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    note: str
    since: datetime
    until: datetime
    alerts: int
    receivers: list[ShadowReceiver]


def shadow_report(
    store: Store, since: datetime | None = None, until: datetime | None = None
) -> ShadowReport:
    """Return what the draft that runs, or ran last, would have done.

    Args:
        store: the shared database
        since: only alerts that opened from then on; None for the shadow's start
        until: only alerts that opened before; None for those entered so far

    Returns:
        The report.

    Raises:
        NotFound: no draft ever ran
    """
    with store.snapshot() as connection:
        found = shadow(connection)
        if found is None:
            raise NotFound(
                "no draft of the routes has run", hint="Start one: sentinel route shadow start FILE"
            )
        begins = max(since or found.started_at, found.started_at)
        ends = min(until or found.looked_until, found.looked_until)
        chosen = (
            OUTCOME.c.shadow == found.id, OUTCOME.c.opened_at >= begins,
            OUTCOME.c.opened_at <= ends,
        )  # fmt: skip
        alerts = select(func.count(distinct(OUTCOME.c.alert_id))).where(*chosen)
        return ShadowReport(
            id=found.id, running=found.stopped_at is None, started_at=found.started_at,
            started_by=found.started_by, stopped_at=found.stopped_at, note=found.note,
            since=begins, until=ends, alerts=connection.execute(alerts).scalar_one(),
            receivers=_receivers(connection, found, chosen),
        )  # fmt: skip


def _receivers(
    connection: Connection, found: RouteShadow, chosen: tuple[Any, ...]
) -> list[ShadowReceiver]:
    """Return the numbers by receiver; an alert in several groups of one receiver counts once."""
    row = OUTCOME
    of_draft = row.c.state != "active"
    aware = exists().where(
        MEMBER.c.alert_id == row.c.alert_id, NOTIFICATION_LOG.c.group_id == MEMBER.c.group_id,
        NOTIFICATION_LOG.c.receiver == row.c.receiver, NOTIFICATION_LOG.c.notified_at.is_not(None),
    )  # fmt: skip
    alerts = (
        select(
            row.c.receiver, row.c.alert_id,
            func.max(case((of_draft, 1), else_=0)).label("draft"),
            func.max(case((row.c.by_active, 1), else_=0)).label("active"),
            func.max(case((row.c.state == "notified", 1), else_=0)).label("notified"),
            func.max(case((row.c.state == "waiting", 1), else_=0)).label("waiting"),
            func.max(case((and_(row.c.by_active, aware), 1), else_=0)).label("aware"),
        )
        .where(*chosen)
        .group_by(row.c.receiver, row.c.alert_id)
        .subquery()
    )  # fmt: skip
    one = alerts.c
    heard = one.notified == 1
    counted = (
        select(
            one.receiver,
            func.sum(one.notified).label("notified"),
            func.count().filter(one.draft == 1, ~heard, one.waiting == 1).label("waiting"),
            func.count().filter(one.draft == 1, ~heard, one.waiting == 0).label("held"),
            func.sum(one.active).label("active"), func.sum(one.aware).label("aware"),
            func.count().filter(one.draft == 1, one.active == 0).label("only_draft"),
            func.count().filter(one.draft == 0, one.active == 1).label("only_active"),
        )
        .group_by(one.receiver)
        .order_by(one.receiver)
        .limit(_MOST_RECEIVERS)
    )  # fmt: skip
    groups = (
        select(row.c.receiver, func.count(distinct(row.c.way)))
        .where(*chosen, row.c.state == "notified")
        .group_by(row.c.receiver)
    )
    conversations = dict(connection.execute(groups).tuples().all())
    reasons: dict[str, dict[str, int]] = defaultdict(dict)
    held = (
        select(row.c.receiver, row.c.reason, func.count(distinct(row.c.alert_id)))
        .where(*chosen, row.c.state == "held")
        .group_by(row.c.receiver, row.c.reason)
        .order_by(row.c.receiver, row.c.reason)
    )
    for receiver, reason, count in connection.execute(held).tuples():
        reasons[receiver][reason] = count
    return [
        ShadowReceiver(
            receiver=each.receiver, notified=each.notified, held=each.held, waiting=each.waiting,
            groups=conversations.get(each.receiver, 0), active=each.active,
            active_notified=each.aware, only_draft=each.only_draft, only_active=each.only_active,
            reasons=reasons[each.receiver], examples=_examples(connection, each.receiver, chosen),
        )
        for each in connection.execute(counted).all()
    ]  # fmt: skip


def _examples(
    connection: Connection, receiver: str, chosen: tuple[Any, ...]
) -> list[ShadowExample]:
    row = OUTCOME
    kinds = {
        "draft": (row.c.state != "active", row.c.by_active.is_(False)),
        "active": (row.c.state == "active",),
        "held": (row.c.state == "held", row.c.by_active.is_(True)),
    }
    found: list[ShadowExample] = []
    for kind, conditions in kinds.items():
        query = (
            select(row.c.alert_id, row.c.opened_at, row.c.reason, ALERT.c.title)
            .select_from(row.outerjoin(ALERT, ALERT.c.id == row.c.alert_id))
            .where(*chosen, row.c.receiver == receiver, *conditions)
            .order_by(row.c.opened_at.desc(), row.c.alert_id.desc(), row.c.way)
            .limit(_EXAMPLES)
        )
        found += [
            ShadowExample(
                alert_id=one.alert_id, title=one.title or "", opened_at=one.opened_at, kind=kind,
                reason=one.reason, reason_text=words(one.reason),
            )
            for one in connection.execute(query)
        ]  # fmt: skip
    return found
