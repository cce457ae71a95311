"""Why channels are or are not notified of an alert: the decisions of now, and the outcomes.

Nothing is sent and nothing is written here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, select

from sentinel.access import EVERYTHING, Scope
from sentinel.errors import NotFound
from sentinel.notifications.decision import NOT_ROUTED, Decision, decide
from sentinel.notifications.reasons import Reason
from sentinel.notifications.standby import waits_until
from sentinel.notifications.why import (
    AlertFacts,
    AlertWhy,
    ChannelWhy,
    GroupWhy,
    explained,
    without_others,
)
from sentinel.schema.groups import AlertGroup
from sentinel.store.database.scoped import group_in
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, model_of
from sentinel.store.notifications.announcements import announcements_to
from sentinel.store.notifications.channel_health import Gates
from sentinel.store.notifications.known_members import knows
from sentinel.store.notifications.message_limits import sent_recently
from sentinel.store.notifications.mutes import silence_of, source_of
from sentinel.store.notifications.outcomes import outcomes_of
from sentinel.store.notifications.rule_labels import COLUMNS
from sentinel.store.notifications.storms import storm_seen, storms_of
from sentinel.store.notifications.targets import (
    last_notified,
    limited,
    log_entries,
    policy_of,
    seen_by_channel,
    targets_of,
)
from sentinel.store.rules.condition_state import with_recent

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Why", "explain", "explain_alert", "why_of_alert"]


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why one channel is or is not notified of a group now, and when the next decision is.

    `notified_seq` is the group's `seq` at the channel's last notification, 0 for none.
    """

    group_id: str
    receiver: str
    channel: str
    notified_at: datetime | None
    notified_seq: int
    decision: Decision
    error: str


def explain(store: Store, group_id: str) -> list[Why]:
    """Decide for each channel of a group whether it is notified now, without sending.

    The decision is made by the function that also decides when it counts.

    Args:
        store: the shared database
        group_id: of the group

    Returns:
        One entry per receiver and channel, with the reason and the time of the next decision;
        empty where there is no such group.
    """
    channels = store.receivers.all()
    with store.read() as connection:
        row = connection.execute(select(GROUP).where(GROUP.c.id == group_id)).first()
        if row is None:
            return []
        return _decided(store, connection, model_of(AlertGroup, row), channels, store.now())


def explain_alert(store: Store, alert_id: str) -> list[Why]:
    """Return `explain` for every group that an alert is in.

    Args:
        store: the shared database
        alert_id: of the alert

    Returns:
        The oldest group first; empty for an alert in none.
    """
    query = select(MEMBER.c.group_id).where(MEMBER.c.alert_id == alert_id)
    with store.read() as connection:
        groups = list(connection.execute(query.order_by(MEMBER.c.group_id)).scalars())
    return [why for group_id in groups for why in explain(store, group_id)]


def why_of_alert(store: Store, alert_id: str, scope: Scope = EVERYTHING) -> AlertWhy:
    """Return why channels are and were notified of an alert, or not, as sentences and as codes.

    Args:
        store: the shared database
        alert_id: 32 hex digits
        scope: of whoever asks; of a group with alerts outside, only status and reasons are told

    Returns:
        The alert's groups, the newest first, each with the decisions of now and the newest
        outcomes.

    Raises:
        NotFound: there is no alert of that id
    """
    now = store.now()
    channels = store.receivers.all()
    with store.read() as connection:
        alert = connection.execute(_FACTS, {"alert": alert_id}).first()
        if alert is None:
            raise NotFound(
                f"there is no alert {alert_id!r}", hint="See which there are: sentinel alert list"
            )
        silence, until = silence_of(connection, alert, now) or (None, None)
        source = source_of(connection, alert)
        facts = AlertFacts(
            id=alert.id, status=alert.status, suppressed_until=alert.suppressed_until,
            suppress_reason=alert.suppress_reason, silence=silence, silenced_until=until,
            inhibited_by=None if source is None else (source.id, source.title, source.rule),
        )  # fmt: skip
        rows = connection.execute(_GROUPS, {"alert": alert_id}).all()
        groups = [_group(store, connection, row, channels, now) for row in rows]
        inside = _inside(connection, [one.id for one in groups], scope)
        # They name receivers, and other alerts that the silence mutes.
        announced = announcements_to(connection, alert_id) if scope.is_everything else []
    groups = [one if one.id in inside else without_others(one) for one in groups]
    return explained(facts, groups, now, announced)


def _inside(connection: Connection, groups: list[str], scope: Scope) -> set[str]:
    """Return those of the groups that have no alert outside of the scope."""
    if scope.is_everything:
        return set(groups)
    group = GROUP.alias("shown")  # by another name than the table has in the condition
    query = select(group.c.id).where(group.c.id.in_(groups), *group_in(scope, group.c.id))
    return set(connection.execute(query).scalars())


def _group(
    store: Store, connection: Connection, row: Row[Any], channels: dict[str, list[str]],
    now: datetime,
) -> GroupWhy:  # fmt: skip
    group = model_of(AlertGroup, row)
    return GroupWhy(
        id=group.id, status=group.status, route=group.route, labels=group.labels,
        firing=group.firing, receivers=list(group.receivers), next_at=group.due_at,
        unknown=[name for name in group.receivers if name not in channels],
        channels=[
            ChannelWhy(
                receiver=one.receiver, channel=one.channel, notified_at=one.notified_at,
                knows=knows(row, one.notified_seq if one.notified_at else 0, one.channel),
                send=one.decision.send, reason=str(one.decision.reason),
                next_at=one.decision.next_at, error=one.error,
            )
            for one in _decided(store, connection, group, channels, now)
        ],
        history=outcomes_of(connection, group.id),
    )  # fmt: skip


def _decided(
    store: Store, connection: Connection, group: AlertGroup, channels: dict[str, list[str]],
    now: datetime,
) -> list[Why]:  # fmt: skip
    known = log_entries(connection, group.id)
    gates = Gates(connection, now)
    limits, storms = sent_recently(store, connection, now), storms_of(connection)
    policy = policy_of(group)
    found: list[Why] = []
    for receiver, channel in targets_of(group, known, channels, gates):
        before = known.get((receiver, channel))
        held = before is not None and before.reason == Reason.PREFECT_DOWN
        last = last_notified(
            before, gates.closed_until(channel),
            waits_until(before.next_at, now) if held and before is not None else None,
        )  # fmt: skip
        last = with_recent(connection, group.id, receiver, channel, last, policy, now)
        last = limited(last, limits.limited_until(receiver, channel))
        last = storm_seen(connection, group, (receiver, channel), last, storms, limits)
        seen = seen_by_channel(connection, group, channel, last, now)
        found.append(
            Why(
                group_id=group.id, receiver=receiver, channel=channel, notified_at=last.at,
                notified_seq=last.seq, decision=decide(seen, last, now, policy),
                error="" if before is None else before.error,
            )
        )  # fmt: skip
    if not found:
        found.append(
            Why(group_id=group.id, receiver="", channel="", notified_at=None, notified_seq=0,
                decision=NOT_ROUTED, error="")
        )  # fmt: skip
    return found


_FACTS = select(
    ALERT.c.id, ALERT.c.status, ALERT.c.suppressed_until, ALERT.c.suppress_reason, *COLUMNS
).where(ALERT.c.id == bindparam("alert"))
_GROUPS = (
    select(GROUP, MEMBER.c.fired_seq, MEMBER.c.muted_seq, MEMBER.c.heard_seq, MEMBER.c.known_to)
    .select_from(MEMBER.join(GROUP, GROUP.c.id == MEMBER.c.group_id))
    .where(MEMBER.c.alert_id == bindparam("alert"))
    .order_by(GROUP.c.id.desc())
    .limit(10)
)
