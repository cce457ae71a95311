"""The notification log: which groups are due, what was decided, and what was sent.

`claim` decides inside one transaction; the caller sends outside of any; `finish` records the
results. A sender renews its claim for as long as the channel takes. If it dies, its claim runs out
and the next sender repeats the same message with the same id: at most one repeat per crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, exists, func, select

from sentinel.notifications.decision import Decision, GroupNow, Notified, Policy, decide
from sentinel.notifications.grouping import CHANNEL, first_wait
from sentinel.notifications.message import Named, compose, message_id
from sentinel.notifications.reasons import Reason
from sentinel.schema.columns import new_id
from sentinel.schema.groups import AlertGroup
from sentinel.store.database.tables import (
    DELIVERY,
    GROUP,
    MEMBER,
    NOTIFICATION_LOG,
    model_of,
)
from sentinel.store.notifications.channel_health import Gates
from sentinel.store.notifications.deliveries import (
    CLAIM,
    UPDATE_LOG_ENTRY,
    Outcome,
    ToSend,
    finish,
    log_entry_key,
    progress_of,
)
from sentinel.store.notifications.named_alerts import named_alerts, void_acknowledgements
from sentinel.store.notifications.queries import (
    ABANDONED,
    DUE,
    LOG_ENTRIES,
    due,
    seen_by,
)
from sentinel.store.notifications.receivers import DEFAULT, INBOX
from sentinel.store.rules.condition_state import count_held, held_before, with_recent
from sentinel.timing.active_hours import ActiveHours
from sentinel.timing.rate_limit import Limit

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["NotificationLog", "Why"]

_CLAIM = timedelta(seconds=60)


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why one channel is or is not notified of a group now, and when the next decision is."""

    group_id: str
    receiver: str
    channel: str
    told_at: datetime | None
    decision: Decision
    error: str


class NotificationLog:
    """What was sent through each channel for each group, and what comes next."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def explain(self, group_id: str) -> list[Why]:
        """Decide for each channel of a group whether it is notified now, without sending.

        The decision is made by the function that also decides when it counts.

        Args:
            group_id: of the group

        Returns:
            One entry per receiver and channel, with the reason and the time of the next decision;
            empty where there is no such group.
        """
        now = self._store.now()
        channels = self._store.receivers.all()
        with self._store.read() as connection:
            row = connection.execute(select(GROUP).where(GROUP.c.id == group_id)).first()
            if row is None:
                return []
            group = model_of(AlertGroup, row)
            known = self._known(connection, group_id)
            gates = Gates(connection, now)
            found: list[Why] = []
            for receiver, channel in _targets(group, known, channels, gates):
                before = known.get((receiver, channel))
                policy = _policy(group)
                last = _last_notified(before, gates.closed_until(channel))
                last = with_recent(connection, group_id, receiver, channel, last, policy, now)
                seen = self._seen_by(connection, group, last, now)
                decision = decide(seen, last, now, policy)
                error = "" if before is None else before.error
                found.append(
                    Why(
                        group_id=group_id, receiver=receiver, channel=channel, told_at=last.at,
                        decision=decision, error=error,
                    )
                )  # fmt: skip
            return found

    def explain_alert(self, alert_id: str) -> list[Why]:
        """Return `explain` for every group that an alert is in."""
        query = select(MEMBER.c.group_id).where(MEMBER.c.alert_id == alert_id)
        with self._store.read() as connection:
            groups = list(connection.execute(query.order_by(MEMBER.c.group_id)).scalars())
        return [why for group_id in groups for why in self.explain(group_id)]

    def _known(self, connection: Connection, group_id: str) -> dict[tuple[str, str], Row[Any]]:
        rows = connection.execute(LOG_ENTRIES, {"group": group_id})
        return {(row.receiver, row.channel): row for row in rows}

    def overdue(self, since: datetime) -> int:
        """Return how many unclaimed groups have been due since before `since`."""
        with self._store.read() as connection:
            return connection.execute(
                select(func.count()).select_from(GROUP).where(*due(since, self._store.now()))
            ).scalar_one()

    def next_due(self) -> datetime | None:
        """Return when the next group is due, or None."""
        with self._store.read() as connection:
            return connection.execute(select(func.min(GROUP.c.due_at))).scalar()

    def claim(
        self, by: str, *, due_before: datetime | None = None, limit: int = 50
    ) -> list[ToSend]:
        """Decide on groups that are due, and claim those with messages to send.

        Args:
            by: who sends, for the record
            due_before: only groups that have been due since before this moment; None for now
            limit: at most this many groups, the most severe first

        Returns:
            The messages to send; empty where no group is due or every decision was not to send.
        """
        now = self._store.now()

        def work(connection: Connection) -> list[ToSend]:
            asked = {"before": due_before or now, "now": now, "most": limit}
            groups = connection.execute(DUE, asked).all()
            # Read after the groups are locked: a later change of a receiver makes them due again.
            channels = self._store.receivers.all_in(connection)
            gates = Gates(connection, now)
            sends: list[ToSend] = []
            for group in groups:
                sends += self._decide_group(connection, group, channels, gates, by, now)
            gates.save(connection)
            return sends

        return self._store.in_transaction(work)

    def _decide_group(
        self, connection: Connection, row: Row[Any], channels: dict[str, list[str]], gates: Gates,
        by: str, now: datetime,
    ) -> list[ToSend]:  # fmt: skip
        group = model_of(AlertGroup, row)
        known = self._known(connection, group.id)
        self._log_unknown(connection, group, known, channels)
        self._abandon(connection, group.id)
        sends: list[ToSend] = []
        nexts: list[datetime] = []
        # By the last notification, which channels often share.
        sides: dict[tuple[int, bool], Named] = {}
        for receiver, channel in _targets(group, known, channels, gates):
            policy = _policy(group)
            last = _last_notified(known.get((receiver, channel)), gates.closed_until(channel))
            last = with_recent(connection, group.id, receiver, channel, last, policy, now)
            seen = self._seen_by(connection, group, last, now)
            decision = decide(seen, last, now, policy)
            if decision.reason in (Reason.THROTTLED, Reason.PER_HOUR):
                count_held(connection, group, receiver, channel, last)
            self._remember(connection, group, receiver, channel, decision, now)
            if decision.next_at is not None:
                nexts.append(decision.next_at)
            if decision.send:
                gates.sends(channel)
                side = last.seq, last.at is None
                if side not in sides:
                    dashboard = self._store.options.dashboard_url
                    sides[side] = named_alerts(connection, group.id, last, now, dashboard)
                named = sides[side]
                sends.append(
                    self._prepare(
                        connection, group, receiver, channel, last, seen, decision, by, named
                    )
                )
        claim = {
            "due_at": now if sends else min(nexts, default=None),
            "claimed_by": by if sends else "",
            "claimed_until": now + _CLAIM if sends else None,
        }
        connection.execute(CLAIM, {"group": group.id, **claim})
        return sends

    def _log_unknown(
        self, connection: Connection, group: AlertGroup, known: dict[tuple[str, str], Row[Any]],
        channels: dict[str, list[str]],
    ) -> None:  # fmt: skip
        """Log that receivers of a group do not exist, at the first decision on the group.

        A receiver whose channels another one has too gets no log entry of its own.
        """
        for name in () if known else group.receivers:
            if name not in channels:
                self._store.log.add(
                    connection,
                    "warning",
                    "receiver.unknown",
                    f"there is no receiver {name!r}; {DEFAULT!r} is notified of {group.title!r}",
                    {"group": group.id, "do": f"sentinel receiver set {name} --channel …"},
                )

    def _seen_by(
        self, connection: Connection, group: AlertGroup, last: Notified, now: datetime
    ) -> GroupNow:
        """Return the group's state compared with what one channel was last notified of.

        Suppressed members are counted here and not taken from the group's row, since a suppression
        runs out without a write.

        Args:
            connection: the claim's transaction
            group: the group, its row locked
            last: the channel's last notification
            now: the present moment

        Returns:
            What a decision needs to know of the group.
        """
        asked = {"group": group.id, "seq": last.seq, "now": now, "told_at": last.at}
        if last.at is None:
            del asked["told_at"]
        query = seen_by(was_notified=last.at is not None)
        row = connection.execute(query, asked).one()
        return GroupNow(
            seq=group.seq, opened_at=group.opened_at, severity=row.severity or group.severity,
            firing=group.firing, acknowledged=row.acknowledged, suppressed=row.muted,
            new_firing=row.new, resolved_since=row.resolved, quiet_since=row.quiet,
            suppressed_until=row.muted_until,
        )  # fmt: skip

    def _remember(
        self, connection: Connection, group: AlertGroup, receiver: str, channel: str,
        decision: Decision, now: datetime,
    ) -> None:  # fmt: skip
        values: dict[str, Any] = {
            "reason": str(decision.reason), "decided_at": now, "next_at": decision.next_at
        }  # fmt: skip
        done = connection.execute(
            UPDATE_LOG_ENTRY, {**log_entry_key(group.id, receiver, channel), **values}
        )
        if not done.rowcount:
            connection.execute(
                NOTIFICATION_LOG.insert().values(
                    group_id=group.id, receiver=receiver, channel=channel, told_seq=0,
                    told_firing=0, told_severity=0, attempts=0, error="", reference="", **values,
                )
            )  # fmt: skip

    def _prepare(
        self, connection: Connection, group: AlertGroup, receiver: str, channel: str,
        last: Notified, seen: GroupNow, decision: Decision, by: str, named: Named,
    ) -> ToSend:  # fmt: skip
        now = self._store.now()
        before = last.at.isoformat() if last.at else "first"
        id_ = message_id(group.id, receiver, channel, group.seq, before)
        message = compose(
            group,
            named,
            id_=id_,
            receiver=receiver,
            reason=decision.reason,
            void=void_acknowledgements(connection, group.id, last),
            held=held_before(connection, group.id, receiver, channel, last),
            now=now,
            dashboard=self._store.options.dashboard_url,
            answers=last.reference,
            progress=progress_of(connection, id_, last, group.id),
        )
        delivery = new_id()
        connection.execute(
            DELIVERY.insert().values(
                id=delivery, group_id=group.id, receiver=receiver, channel=channel,
                message_id=id_, reason=str(decision.reason), state="sending",
                attempt=last.attempts + 1, error="", by=by, reference="", started_at=now,
            )
        )  # fmt: skip
        return ToSend(
            delivery_id=delivery, group_id=group.id, receiver=receiver, channel=channel,
            # While something fires, the channel is owed a resolve, even if all of it is suppressed.
            seq=group.seq, firing=message.firing or seen.firing,
            severity=seen.severity if message.firing else last.severity,
            attempts=last.attempts, repeat=_policy(group).repeat_interval, message=message,
        )  # fmt: skip

    def _abandon(self, connection: Connection, group_id: str) -> None:
        """Mark deliveries of earlier claims as failed, since their sender must have died."""
        connection.execute(ABANDONED, {"group": group_id, "ended_at": self._store.now()})

    def renew(self, sending: Sequence[ToSend]) -> None:
        """Extend the claims of messages that are still being sent; lost claims stay lost."""
        until = self._store.now() + _CLAIM
        with self._store.write() as connection:
            for group_id, delivery_id in sorted(
                {s.group_id: s.delivery_id for s in sending}.items()
            ):
                held = exists().where(DELIVERY.c.id == delivery_id, DELIVERY.c.state == "sending")
                connection.execute(
                    GROUP.update().where(GROUP.c.id == group_id, held).values(claimed_until=until)
                )

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Record the results of sending, one transaction per group; see `deliveries.finish`."""
        finish(self._store, outcomes)


def _targets(
    group: AlertGroup, known: dict[tuple[str, str], Row[Any]], channels: dict[str, list[str]],
    gates: Gates,
) -> list[tuple[str, str]]:  # fmt: skip
    """Return the receivers and channels to decide on.

    Args:
        group: the group
        known: its log entries by receiver and channel
        channels: the channels of every receiver, by name
        gates: which channels take no messages

    Returns:
        Pairs of receiver and channel, each channel once: the receivers of today, the inbox for
        one of which no channel takes messages, or those of this group, and, once nothing fires,
        every channel that was notified of the firing group.
    """
    refusing = {ref for (_, ref), row in known.items() if row.refused_seq is not None}
    told = sorted((row.told_at, key) for key, row in known.items() if row.told_at is not None)
    # What a channel was notified of goes with it to another receiver.
    notified = {key[1]: key for _, key in told}
    by_channel: dict[str, tuple[str, str]] = {}
    for name in group.receivers:
        refs = channels.get(name, channels[DEFAULT])
        # An alert about a channel goes another way.
        refs = [ref for ref in refs if ref != group.labels.get(CHANNEL)]
        if group.firing and all(gates.is_out(ref) or ref in refusing for ref in refs):
            refs = [*refs, INBOX]
        for ref in refs:
            # Two receivers with one channel, or two that do not exist, are notified once.
            by_channel.setdefault(ref, notified.get(ref, (name, ref)))
    targets = dict.fromkeys(by_channel.values())
    if group.firing == 0:
        # A resolve is sent to every channel that was notified, whatever was edited since.
        gone = [key for key, last in known.items() if last.told_firing and key[1] not in by_channel]
        targets |= dict.fromkeys(gone)
    return list(targets)


def _last_notified(row: Row[Any] | None, down_until: datetime | None) -> Notified:
    if row is None:
        return Notified(down_until=down_until)
    return Notified(
        seq=row.told_seq, firing=row.told_firing, severity=row.told_severity, at=row.told_at,
        attempts=row.attempts, retry_at=row.retry_at, refused_seq=row.refused_seq,
        down_until=down_until, reference=row.reference,
    )  # fmt: skip


def _policy(group: AlertGroup) -> Policy:
    given = group.policy
    wait, hours = given.get("group_wait"), given.get("active_hours")
    return Policy(
        group_wait=first_wait(None if wait is None else timedelta(seconds=wait), group.severity),
        group_interval=timedelta(seconds=given.get("group_interval", 300)),
        repeat_interval=timedelta(seconds=given.get("repeat_interval", 14_400)),
        hours=ActiveHours.model_validate(hours) if hours else None,
        limit=Limit(
            throttle=timedelta(seconds=given.get("throttle", 0)), per_hour=given.get("per_hour")
        ),
    )
