"""What came of a fire drill: who was reached after how long, and who did not acknowledge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Row, bindparam, select

from sentinel.errors import NotFound
from sentinel.notifications.message import message_id
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store.database.tables import ALERT, DELIVERY, MEMBER
from sentinel.store.escalations.leases import WAITS
from sentinel.store.escalations.rows import ESCALATION, PAGE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DRILL", "Drill", "DrillPage", "drill_of_team", "drill_report"]

DRILL = "drill"
"""Label of a drill's alert; its value names the team."""


class DrillPage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a drill to one channel.

    Attributes:
        level: of the escalation
        person: who was paged; empty for a receiver that the policy names
        receiver: name of the receiver
        channel: its reference; empty while nothing was attempted
        why: what put them there: `schedule primary`
        state: pending, put_off, attempted, sent, failed or dropped
        seconds: from the start of the drill until the channel took it; None where it did not
        error: what the channel said
    """

    level: int
    person: str
    receiver: str
    channel: str
    why: str
    state: str
    seconds: float | None = None
    error: str = ""


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """A drill so far.

    Attributes:
        id: of the drill and of its alert
        team: that it is of
        started_at: when its alert opened
        status: of the alert: open, acknowledged or resolved
        acknowledged_by: who acknowledged; empty for nobody
        acknowledged_seconds: after how many seconds; None for not
        over: whether nothing more is paged, since somebody acknowledged, it was ended, or
            no level is left and all of its pages were sent
        pages: by level and time
        reached: people whom a channel took a page for, in their order
        silent: those of them who did not acknowledge
    """

    id: str
    team: str
    started_at: datetime
    status: str
    acknowledged_by: str
    acknowledged_seconds: float | None
    over: bool
    pages: list[DrillPage]
    reached: list[str]
    silent: list[str]


def drill_of_team(store: Store, team: str) -> str:
    """Return the id of the newest drill of a team.

    Args:
        store: the shared database
        team: its name

    Returns:
        The id.

    Raises:
        NotFound: there was none, or it is no longer stored
    """
    with store.read() as connection:
        newest = connection.execute(_NEWEST, {"team": team}).scalar()
    if newest is not None:
        return newest
    raise NotFound(
        f"there was no drill of the team {team}", hint=f"Start one: sentinel drill {team}"
    )


def drill_report(store: Store, drill_id: str) -> Drill:
    """Return what came of a drill so far.

    Args:
        store: the shared database
        drill_id: of the drill

    Returns:
        Its pages, and who was reached.

    Raises:
        NotFound: there is no such drill
    """
    with store.read() as connection:
        alert = connection.execute(_ALERT, {"alert": drill_id}).first()
        if alert is None or DRILL not in alert.labels:
            raise NotFound(f"there is no drill {drill_id!r}")
        started: datetime = alert.opened_at
        asked = {"alert": drill_id, "since": started}
        escalations = connection.execute(_ESCALATIONS, asked).all()
        pages = connection.execute(_PAGES, asked).all()
        sends = connection.execute(_SENDS, asked).all()
    found = [one for page in pages for one in _shown(page, sends, started)]
    reached = dict.fromkeys(one.person for one in found if one.person and one.state == "sent")
    answered = {alert.acknowledged_by}
    for row in escalations:
        answered |= {row.acknowledged_by, *row.acknowledgements}
    left = any(page.state in (*WAITS, "attempted") for page in pages)
    rest = all(
        row.state in ("acknowledged", "ended") or (row.state == "exhausted" and not left)
        for row in escalations
    )
    taken = alert.acknowledged_at
    return Drill(
        id=drill_id, team=alert.labels[DRILL], started_at=started, status=alert.status,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_seconds=None if taken is None else (taken - started).total_seconds(),
        over=alert.status == "resolved" or (bool(escalations) and rest),
        pages=found, reached=list(reached),
        silent=[name for name in reached if name not in answered],
    )  # fmt: skip


def _shown(page: Row[Any], sends: Sequence[Row[Any]], started: datetime) -> list[DrillPage]:
    """Return a page by the channels it was attempted through; once where none was."""
    known: dict[str, Any] = {
        "level": page.level, "person": page.person, "receiver": page.receiver, "why": page.why
    }  # fmt: skip
    last: dict[str, Row[Any]] = {}
    for send in sends:
        args = (page.group_id, page.receiver, send.channel, page.level, page.id)
        if send.message_id == message_id(*args):
            last[send.channel] = send
    if not last:
        return [DrillPage(**known, channel="", state=page.state)]
    return [
        DrillPage(
            **known, channel=channel, state=send.state, error=send.error,
            seconds=(send.ended_at - started).total_seconds() if send.state == "sent" else None,
        )
        for channel, send in last.items()
    ]  # fmt: skip


# Built once, since SQLAlchemy compiles a statement once for each object.
_NEWEST = (
    select(ALERT.c.id)
    .where(ALERT.c.rule == DRILL_RULE, ALERT.c.team == bindparam("team"))
    .order_by(ALERT.c.opened_at.desc(), ALERT.c.id.desc())
    .limit(1)
)
_ALERT = select(
    ALERT.c.labels, ALERT.c.opened_at, ALERT.c.status, ALERT.c.acknowledged_by,
    ALERT.c.acknowledged_at,
).where(ALERT.c.id == bindparam("alert"))  # fmt: skip
_GROUPS = select(MEMBER.c.group_id).where(MEMBER.c.alert_id == bindparam("alert")).scalar_subquery()
_ESCALATIONS = select(
    ESCALATION.c.state, ESCALATION.c.acknowledgements, ESCALATION.c.acknowledged_by
).where(ESCALATION.c.group_id.in_(_GROUPS), ESCALATION.c.opened_at >= bindparam("since"))
_PAGES = (
    select(PAGE)
    .where(PAGE.c.group_id.in_(_GROUPS), PAGE.c.planned_at >= bindparam("since"))
    .where(PAGE.c.kind.in_(("page", "again")))
    .order_by(PAGE.c.level, PAGE.c.planned_at, PAGE.c.id)
)
_SENDS = (
    select(DELIVERY)
    .where(DELIVERY.c.group_id.in_(_GROUPS), DELIVERY.c.started_at >= bindparam("since"))
    .order_by(DELIVERY.c.started_at, DELIVERY.c.id)
)
