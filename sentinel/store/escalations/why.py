"""Why receivers are notified of an alert, with where the escalations of its groups stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, select

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.reasons import words
from sentinel.notifications.escalation_why import EscalationWhy, PageWhy, in_sentences
from sentinel.notifications.why import AlertWhy
from sentinel.store.escalations.rows import ESCALATION, PAGE, plan_to_read
from sentinel.store.notifications.explaining import why_of_alert

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
        As `explaining.why_of_alert`, with the newest escalation of each group.

    Raises:
        NotFound: there is no alert of that id
    """
    found = why_of_alert(store, alert_id, scope)
    with store.read() as connection:
        escalations = escalations_of(connection, [one.id for one in found.groups if one.id])
    groups = [
        one.model_copy(update={"escalation": escalations.get(one.id)}) for one in found.groups
    ]
    return found.model_copy(update={"groups": groups})


def escalations_of(connection: Connection, groups: list[str]) -> dict[str, EscalationWhy]:
    """Return the newest escalation of each group that has one, in sentences.

    Args:
        connection: an open transaction
        groups: ids of groups

    Returns:
        By group.
    """
    rows = connection.execute(_OF_GROUPS, {"groups": groups}) if groups else ()
    newest = {row.group_id: row for row in rows}  # the last one of each stays
    return {group: in_sentences(_why(connection, row)) for group, row in newest.items()}


def _why(connection: Connection, row: Row[Any]) -> EscalationWhy:
    pages = connection.execute(_PAGES, {"escalation": row.id}).all()
    return EscalationWhy(
        policy=row.policy, state=row.state, level=row.level,
        levels=max(row.level, len(plan_to_read(row).steps)),
        next_at=row.due_at, first_page_at=row.first_page_at, paused_at=row.paused_at,
        left_seconds=row.left_seconds, acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        missing=row.missing.split("\n") if row.missing else [], ended_at=row.ended_at,
        end_text=words(row.ended_why),
        pages=[
            PageWhy(
                kind=one.kind, level=one.level, person=one.person, receiver=one.receiver,
                why=one.why, at=one.attempted_at or one.at, state=one.state, error=one.error,
            )
            for one in reversed(pages)
        ],
    )  # fmt: skip


_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
_OF_GROUPS = select(ESCALATION).where(ESCALATION.c.group_id.in_(_GROUPS)).order_by(ESCALATION.c.id)
_PAGES = (
    select(PAGE)
    .where(PAGE.c.escalation_id == bindparam("escalation"))
    .order_by(PAGE.c.id.desc())
    .limit(_MOST_PAGES)
)
