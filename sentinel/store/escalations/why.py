"""Why receivers are notified of an alert, with where the escalations of its groups stand."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.reasons import words
from sentinel.notifications.escalation_why import EscalationWhy, PageWhy, in_sentences
from sentinel.notifications.why import AlertWhy
from sentinel.orchestration.record import KEPT_IN, sentences
from sentinel.store.database.tables import ALERT, GROUP
from sentinel.store.escalations.rows import ESCALATION, PAGE, plan_to_read
from sentinel.store.escalations.who_is_next import called_for, next_pages, said_of
from sentinel.store.notifications.explaining import why_of_alert
from sentinel.store.oncall.stored import OnCallNow, readable_oncall_now

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["alert_why", "escalations_of"]

_MOST_PAGES = 100


def alert_why(store: Store, alert_id: str, scope: Scope = EVERYTHING) -> AlertWhy:
    """Return why receivers are and were notified of an alert, or not, and who is paged next.

    Args:
        store: the shared database
        alert_id: 32 hex digits
        scope: of whoever asks; of a group with alerts outside, no escalation is told

    Returns:
        As `explaining.why_of_alert`, with what orchestration did, and the newest escalation of
        each group; without who is next and who is on call where the on-call document cannot be
        read.

    Raises:
        NotFound: there is no alert of that id
    """
    found = why_of_alert(store, alert_id, scope)
    now = store.now()
    with store.read() as connection:
        # On-call is of all tenants: who sees less than everything is not told who is next.
        oncall = readable_oncall_now(connection, now) if scope.is_everything else None
        groups = [one.id for one in found.groups if one.id]
        escalations = escalations_of(connection, groups, oncall, now)
        row = connection.execute(_OWN, {"id": alert_id}).first()
    team, record = ("", None) if row is None else (row.team, row.details.get(KEPT_IN))
    shown = [one.model_copy(update={"escalation": escalations.get(one.id)}) for one in found.groups]
    called = None if oncall is None else called_for(team or "", oncall, now)
    more = {"groups": shown, "on_call": called, "orchestration": sentences(record)}
    return found.model_copy(update=more)


def escalations_of(
    connection: Connection, groups: list[str], oncall: OnCallNow | None, now: datetime
) -> dict[str, EscalationWhy]:
    """Return the newest escalation of each group that has one, in sentences.

    Args:
        connection: an open transaction
        groups: ids of groups
        oncall: by which it is worked out whom the next level would page; None for not at all
        now: the present moment

    Returns:
        By group.
    """
    rows = connection.execute(_OF_GROUPS, {"groups": groups}) if groups else ()
    newest = {row.group_id: row for row in rows}  # the last one of each stays
    return {
        group: in_sentences(_why(connection, row, oncall, now)) for group, row in newest.items()
    }


def _why(
    connection: Connection, row: Row[Any], oncall: OnCallNow | None, now: datetime
) -> EscalationWhy:
    pages = connection.execute(_PAGES, {"escalation": row.id}).all()
    return EscalationWhy(
        policy=row.policy, state=row.state, level=row.level,
        levels=max(row.level, len(plan_to_read(row).steps)),
        next_at=row.due_at, first_page_at=row.first_page_at, paused_at=row.paused_at,
        left_seconds=row.left_seconds, acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        missing=row.missing.split("\n") if row.missing else [], ended_at=row.ended_at,
        end_text=words(row.ended_why),
        following=[] if oncall is None else said_of(next_pages(row, oncall, now)),
        pages=[
            PageWhy(
                kind=one.kind, level=one.level, person=one.person, receiver=one.receiver,
                why=one.why, at=one.attempted_at or one.at, state=one.state, error=one.error,
            )
            for one in reversed(pages)
        ],
    )  # fmt: skip


_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
_OF_GROUPS = (
    select(ESCALATION, GROUP.c.severity)
    .join(GROUP, GROUP.c.id == ESCALATION.c.group_id)
    .where(ESCALATION.c.group_id.in_(_GROUPS))
    .order_by(ESCALATION.c.id)
)
_OWN = select(ALERT.c.team, ALERT.c.details).where(ALERT.c.id == bindparam("id"))
_PAGES = (
    select(PAGE)
    .where(PAGE.c.escalation_id == bindparam("escalation"))
    .order_by(PAGE.c.id.desc())
    .limit(_MOST_PAGES)
)
