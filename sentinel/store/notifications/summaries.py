"""Summaries of groups that were held back: their alerts enter one further group, which is sent.

It takes a transaction of its own after the claim that held them back, since alerts enter a group
under the locks of their rules. If a process dies in between, the groups are decided on again at
the time that the claim has written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BindParameter, Connection, Row, bindparam, func, not_, select

from sentinel.notifications.channel import Message
from sentinel.notifications.decision import Decision, GroupNow, Notified
from sentinel.notifications.grouping import Membership
from sentinel.notifications.reasons import Reason
from sentinel.notifications.storm import Storm
from sentinel.notifications.summary import (
    is_summary,
    repeat_interval,
    summarised,
    summary_membership,
)
from sentinel.schema.columns import Moment
from sentinel.schema.groups import AlertGroup
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER
from sentinel.store.notifications.deliveries import UPDATE_LOG_ENTRY, log_entry_key
from sentinel.store.notifications.groups import Fired, GroupChanges
from sentinel.store.notifications.queries import OWN_GROUP, muted_after
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["HeldGroup", "as_summary", "held_group", "summarise"]


class HeldGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group that a claim held back from a channel, and that a summary is to name.

    Attributes:
        tenant: of the group
        receiver: name of the receiver
        channel: reference of its channel
        group_id: of the group
        seq: the group's, as the claim saw it
        until: when the next decision on the group is due where no summary names it
        after: the group's seq at the channel's last notification of it; 0 for none
        covers: whether the channel knows the group by the summary alone from then on; else it is
            still owed a message of the group's own
        storm: that the receiver is in; None for none
        stands_in: whether the channel is none of the receiver's
        policy: of the group, as `Membership.policy` has it
        otherwise: when it is due for the sake of other channels; None for not
    """

    tenant: str
    receiver: str
    channel: str
    group_id: str
    seq: int
    until: datetime
    after: int = 0
    covers: bool = True
    storm: Storm | None = None
    stands_in: bool = False
    policy: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    otherwise: datetime | None = None


def held_group(
    group: AlertGroup, target: tuple[str, str], last: Notified, seen: GroupNow,
    decision: Decision, storm: Storm | None, own: Sequence[str],
) -> HeldGroup | None:  # fmt: skip
    """Return what a summary is to name of a group that was decided on.

    Args:
        group: the group
        target: receiver and channel
        last: the channel's last notification
        seen: the group as the channel knows it
        decision: about it
        storm: that the receiver is in; None for none
        own: the channels of the receiver, for which another may stand in

    Returns:
        The group; None where nothing is held back, where it is a summary itself, or where the
        channel is owed more than the first word about it and there is no storm: a later word
        follows by itself.
    """
    until, first = decision.next_at, decision.held is Reason.FIRST
    if until is None or decision.held is None or is_summary(group.route):
        return None
    covers = first and not seen.suppressed
    news = first or decision.held in (Reason.NEW_FIRING, Reason.SEVERITY_ROSE)
    if not covers and (storm is None or not news):
        return None
    receiver, channel = target
    return HeldGroup(
        tenant=group.tenant, receiver=receiver, channel=channel, group_id=group.id, seq=group.seq,
        until=until, after=0 if first else last.seq, covers=covers, storm=storm,
        stands_in=channel not in own, policy=group.policy,
    )  # fmt: skip


def summarise(store: Store, held: Sequence[HeldGroup]) -> None:
    """Enter the alerts of groups that were held back into the summaries of their channels.

    Args:
        store: the shared database
        held: groups of one claim, each held back for nothing but a limit of messages or a storm
    """
    by_summary: dict[str, list[HeldGroup]] = defaultdict(list)
    for one in held:
        by_summary[_home(one, one.policy).key].append(one)
    for key in sorted(by_summary):
        for piece in chunks(by_summary[key]):
            store.in_transaction(partial(_enter, store, piece))


def _home(held: HeldGroup, policy: Mapping[str, Any], now: datetime | None = None) -> Membership:
    return summary_membership(
        held.tenant, held.receiver, held.channel, held.storm, policy, held.stands_in, now
    )


def _enter(store: Store, held: Sequence[HeldGroup], connection: Connection) -> None:
    now = store.now()
    first = held[0]
    home = _home(first, first.policy)
    ids = [one.group_id for one in held]
    lock_rules(connection, connection.execute(_RULES, {"groups": ids}).tuples())
    last = connection.execute(_LAST, {"key": home.key}).scalar()
    groups = connection.execute(_LOCK, {"groups": [*ids, *([last] if last else [])]}).all()
    seqs = {row.id: row.seq for row in groups if row.status != "resolved"}
    # What changed since the claim is decided on again.
    still = [one for one in held if seqs.get(one.group_id) == one.seq]
    entering = _alerts(connection, still, last, now)
    if not entering:
        return
    # The shortest of all that it names, also of what entered before.
    live = [row.policy for row in groups if row.id == last and row.status != "resolved"]
    shortest = min((one.policy for one in still), key=repeat_interval)
    home = _home(first, min([shortest, *live], key=repeat_interval), now)
    changes = GroupChanges(store, connection)
    changes.fired = [
        Fired(alert_id, row.title, row.severity, home, fresh=False)
        for alert_id, row in entering.items()
    ]
    events, due = changes.carry_out(now)
    store.outbox.add(connection, events)
    summary = connection.execute(_LAST, {"key": home.key}).scalar_one()
    named = {row.group_id: row.severity for row in entering.values()}
    covered = [one for one in still if one.covers and one.group_id in named]
    _cover(connection, covered, named, summary, now)
    if due:
        store.wakes.request(connection, now)
    store.changed(connection)


def _alerts(
    connection: Connection, held: Sequence[HeldGroup], summary: str | None, now: datetime
) -> dict[str, Row[Any]]:
    """Return what fires in groups, is not muted and is news, by alert, the most severe last."""
    asked = {"groups": [one.group_id for one in held], "now": now, "summary": summary or ""}
    after = {one.group_id: one.after for one in held}
    rows = connection.execute(_FIRING, asked)
    return {row.alert_id: row for row in rows if row.fired_seq > after[row.group_id]}


def _cover(
    connection: Connection, held: Sequence[HeldGroup], severities: dict[str, int], summary: str,
    now: datetime,
) -> None:  # fmt: skip
    """Have the channel know the groups as they are now, by the summary alone."""
    if not held:
        return
    known = {
        "notified_firing": 0, "notified_at": None, "summary": summary,
        "reason": str(Reason.IN_SUMMARY), "decided_at": now, "next_at": None, "attempts": 0,
        "retry_at": None, "refused_seq": None, "error": "",
    }  # fmt: skip
    connection.execute(
        UPDATE_LOG_ENTRY,
        [
            {
                **log_entry_key(one.group_id, one.receiver, one.channel), **known,
                "notified_seq": one.seq, "notified_severity": severities[one.group_id],
            }
            for one in held
        ],
    )  # fmt: skip
    connection.execute(
        _NOT_DUE,
        [
            {"of_group": one.group_id, "until": one.until, "due_at": one.otherwise}
            for one in held
        ],
    )  # fmt: skip


def as_summary(connection: Connection, group: AlertGroup, message: Message) -> Message:
    """Return the message about a group in the words of a summary, where it is one.

    Args:
        connection: the claim's transaction
        group: that the message is about
        message: composed as about any group

    Returns:
        The message.
    """
    if not is_summary(group.route):
        return message
    groups = connection.execute(_GROUPS, {"summary": group.id}).scalar_one()
    return summarised(message, group.route, groups, group.opened_at)


# Built once, since SQLAlchemy compiles a statement once for each object.
_IN: BindParameter[Any] = bindparam("groups", expanding=True)
_OWN, _OTHER = MEMBER.alias("own"), MEMBER.alias("other")
_JOINED = MEMBER.join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
_RULES = (
    select(ALERT.c.tenant, ALERT.c.rule)
    .select_from(_JOINED)
    .where(MEMBER.c.group_id.in_(_IN), MEMBER.c.resolved_seq.is_(None))
    .distinct()
)
_LAST = (
    select(GROUP.c.id).where(GROUP.c.key == bindparam("key")).order_by(GROUP.c.id.desc()).limit(1)
)
_LOCK = (
    select(GROUP.c.id, GROUP.c.seq, GROUP.c.status, GROUP.c.policy)
    .where(GROUP.c.id.in_(_IN))
    .order_by(GROUP.c.id)
    .with_for_update()
)
_OF_ALERT = ALERT.c.title, ALERT.c.severity
_THERE = (
    select(_OWN.c.alert_id)
    .where(_OWN.c.group_id == bindparam("summary"), _OWN.c.resolved_seq.is_(None))
    .scalar_subquery()
)
_FIRING = (
    select(
        MEMBER.c.alert_id, MEMBER.c.group_id, MEMBER.c.fired_seq, ALERT.c.title, ALERT.c.severity
    )
    .select_from(_JOINED)
    .where(MEMBER.c.group_id.in_(_IN), MEMBER.c.resolved_seq.is_(None))
    .where(not_(muted_after(bindparam("now", type_=Moment()))))
    .where(MEMBER.c.alert_id.not_in(_THERE))
    .order_by(ALERT.c.severity, MEMBER.c.alert_id)
)
_NOT_DUE = (
    GROUP.update()
    .where(GROUP.c.id == bindparam("of_group"), GROUP.c.due_at == bindparam("until"))
    .values(due_at=bindparam("due_at"))
)
_GROUPS = (
    select(func.count(_OTHER.c.group_id.distinct()))
    .select_from(
        _OWN.join(_OTHER, _OTHER.c.alert_id == _OWN.c.alert_id).join(
            GROUP, GROUP.c.id == _OTHER.c.group_id
        )
    )
    .where(_OWN.c.group_id == bindparam("summary"), _OWN.c.resolved_seq.is_(None))
    .where(_OTHER.c.resolved_seq.is_(None), OWN_GROUP)
)
