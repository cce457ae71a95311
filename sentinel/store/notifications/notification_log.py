"""The notification log: which groups are due, what was decided, and what was sent.

`claim` decides inside one transaction; the caller sends outside of any; `finish` records the
results. A sender renews its claim for as long as the channel takes. If it dies, its claim runs out
and the next sender repeats the same message with the same id, which says that it may be a repeat:
at most one per crash.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, exists, func, select

from sentinel.notifications.decision import NOT_ROUTED, Decision, GroupNow, Notified, decide
from sentinel.notifications.message import MAY_REPEAT, Named, compose, message_id
from sentinel.notifications.message_limit import SentRecently
from sentinel.notifications.reasons import Reason
from sentinel.notifications.standby import Standby
from sentinel.notifications.storm import Storm
from sentinel.notifications.summary import is_storm
from sentinel.schema.columns import new_id
from sentinel.schema.groups import AlertGroup
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import DELIVERY, GROUP, model_of
from sentinel.store.notifications.acknowledge_links import link_in_message
from sentinel.store.notifications.channel_health import Gates, still_probing
from sentinel.store.notifications.claim_writes import ClaimWrites
from sentinel.store.notifications.deliveries import (
    Outcome,
    ToSend,
    finish,
    may_repeat,
    progress_of,
)
from sentinel.store.notifications.explaining import Why, explain, explain_alert
from sentinel.store.notifications.known_members import muted_ever
from sentinel.store.notifications.message_limits import sent_recently
from sentinel.store.notifications.message_templates import with_template
from sentinel.store.notifications.mute_locks import before_muting
from sentinel.store.notifications.mute_notes import mute_notes
from sentinel.store.notifications.mutes import Mutes
from sentinel.store.notifications.named_alerts import named_alerts, void_acknowledgements
from sentinel.store.notifications.queries import ABANDONED, DUE, due
from sentinel.store.notifications.receivers import DEFAULT
from sentinel.store.notifications.storms import storm_seen, update_storms
from sentinel.store.notifications.summaries import (
    HeldGroup,
    as_summary,
    held_group,
    summarise,
)
from sentinel.store.notifications.targets import (
    last_notified,
    limited,
    log_entries_of,
    policy_of,
    seen_by_channel,
    targets_of,
)
from sentinel.store.rules.condition_state import count_held, held_before, with_recent

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["NotificationLog"]

FollowMutes = Callable[[Connection, Mapping[str, bool], datetime], None]
"""What is called with groups in which other members are muted now: whether all of them are."""
_IN_A_STORM = 250
"""Groups that one claim decides on in a storm, most of which need no message."""
_CLAIM = timedelta(seconds=20)
"""How late a message is at most whose sender died and that another one takes over."""


class NotificationLog:
    """What was sent through each channel for each group, and what comes next."""

    def __init__(self, store: Store, follow_mutes: FollowMutes) -> None:
        self._store = store
        self._follow_mutes = follow_mutes

    def explain(self, group_id: str) -> list[Why]:
        """Return why each channel is or is not notified of a group; see `explaining.explain`."""
        return explain(self._store, group_id)

    def explain_alert(self, alert_id: str) -> list[Why]:
        """Return `explain` for every group that an alert is in."""
        return explain_alert(self._store, alert_id)

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
        self, by: str, *, due_before: datetime | None = None, limit: int = 50,
        standby: Standby | None = None, sending: Collection[str] = (),
    ) -> list[ToSend]:  # fmt: skip
        """Decide on groups that are due, and claim those with messages to send.

        Args:
            by: who sends, for the record
            due_before: only groups that have been due since before this moment; None for now
            limit: at most this many groups, the most severe first
            standby: what can be used while Prefect is down; None where it is not
            sending: ids of groups that the caller still sends messages of, which it does not claim
                a second time, even if the clock has meanwhile leapt past its claim

        Returns:
            The messages to send; empty where no group is due or every decision was not to send.
            What a limit of messages held back has entered a summary, which is due by itself.
        """
        now = self._store.now()
        held: list[HeldGroup] = []
        refreshed: list[Mutes] = []

        def work(connection: Connection) -> list[ToSend]:
            held.clear()
            refreshed.clear()
            # One order of locks, in a storm and outside of one: muting (before groups, for which
            # those who unmute do not wait), counting, health.
            before_muting(connection)
            storms, _ = update_storms(self._store, connection, now)
            most = max(limit, _IN_A_STORM) if storms else limit
            asked = {"before": due_before or now, "now": now, "most": most}
            groups = connection.execute(DUE, asked).all()
            groups = [group for group in groups if group.id not in sending]
            sends: list[ToSend] = []
            if not groups:
                return sends
            limits = sent_recently(self._store, connection, now, alone=True)
            # Read after the groups are locked: a later change of a receiver makes them due again.
            channels = self._store.receivers.all_in(connection)
            gates = Gates(connection, now, claims=True)
            mutes = Mutes(connection, now)
            refreshed.append(mutes)
            if any(is_storm(group.route) for group in groups):
                # What a storm's message is to name may wait for it, and not the other way round.
                groups = [group for group in groups if is_storm(group.route)]
            ids = [group.id for group in groups]
            known = log_entries_of(connection, ids)
            self._abandon(connection, ids)
            mutes.foresee(ids)
            decided = [model_of(AlertGroup, row) for row in groups]
            for group in decided:
                group.seq = mutes.refresh(group)
            muted = muted_ever(connection, ids)
            writes = ClaimWrites()
            for group in decided:
                sends += self._decide_group(
                    connection, group, known[group.id], channels, gates, limits, storms, by, now,
                    standby, held, writes, muted=group.id in muted,
                )  # fmt: skip
            writes.flush(connection)
            gates.save(connection)
            if mutes.changed:
                self._follow_mutes(connection, mutes.changed, now)
            return sends

        sends = self._store.in_transaction(work)
        for one in refreshed:
            one.keep()
        summarise(self._store, held)
        return sends

    def _decide_group(
        self, connection: Connection, group: AlertGroup, known: dict[tuple[str, str], Row[Any]],
        channels: dict[str, list[str]], gates: Gates, limits: SentRecently,
        storms: Mapping[str, Storm], by: str, now: datetime, standby: Standby | None,
        held: list[HeldGroup], writes: ClaimWrites, *, muted: bool,
    ) -> list[ToSend]:  # fmt: skip
        self._log_unknown(connection, group, known, channels)
        sends: list[ToSend] = []
        nexts: list[datetime] = []
        summarised: list[HeldGroup] = []
        # By the last notification, which channels often share.
        sides: dict[tuple[int, bool, str], Named] = {}
        targets = targets_of(group, known, channels, gates, standby)
        if not targets:
            writes.remember(group.id, ("", ""), known.get(("", "")), NOT_ROUTED, now)
        for receiver, channel in targets:
            policy = policy_of(group)
            last = last_notified(
                known.get((receiver, channel)), gates.closed_until(channel),
                standby.held_until(channel, now) if standby else None,
            )  # fmt: skip
            last = with_recent(connection, group.id, receiver, channel, last, policy, now)
            last = limited(last, limits.limited_until(receiver, channel))
            last = storm_seen(connection, group, (receiver, channel), last, storms, limits)
            seen = seen_by_channel(connection, group, channel, last, now)
            decision = decide(seen, last, now, policy)
            if decision.reason in (Reason.THROTTLED, Reason.PER_HOUR):
                count_held(connection, group, receiver, channel, last)
            entry = known.get((receiver, channel))
            writes.remember(group.id, (receiver, channel), entry, decision, now)
            storm = storms.get(receiver)
            own = channels.get(receiver, channels[DEFAULT])
            waits = held_group(group, (receiver, channel), last, seen, decision, storm, own)
            if waits is not None:
                summarised.append(waits)
            elif decision.next_at is not None:
                nexts.append(decision.next_at)
            if decision.send:
                gates.sends(channel)
                limits.sends(receiver, channel)
                side = last.seq, last.at is None, channel if muted else ""
                if side not in sides:
                    dashboard = self._store.options.dashboard_url
                    sides[side] = named_alerts(connection, group.id, channel, last, now, dashboard)
                named = sides[side]
                notices = [standby.notice(receiver, channel)] if standby else []
                sends.append(
                    self._prepare(
                        connection, group, (receiver, channel), last, seen, decision, by, named,
                        notices,
                    )
                )  # fmt: skip
        otherwise = min(nexts, default=None)
        nexts += [one.until for one in summarised]
        held += [msgspec.structs.replace(one, otherwise=otherwise) for one in summarised]
        writes.claim(
            group.id, due_at=now if sends else min(nexts, default=None), by=by if sends else "",
            until=now + _CLAIM if sends else None,
        )  # fmt: skip
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

    def _prepare(
        self, connection: Connection, group: AlertGroup, target: tuple[str, str],
        last: Notified, seen: GroupNow, decision: Decision, by: str, named: Named,
        notices: Sequence[str],
    ) -> ToSend:  # fmt: skip
        now = self._store.now()
        receiver, channel = target
        before = last.at.isoformat() if last.at else "first"
        said = [MAY_REPEAT] if may_repeat(connection, group.id, channel, last) else []
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
            acknowledge_url=link_in_message(
                self._store, connection, group.id, named, id_, (receiver, channel)
            ),
            notices=[*notices, *said],
            muted=mute_notes(connection, group.id, now),
        )
        message = as_summary(connection, group, message)
        message = with_template(self._store, connection, message, channel)
        delivery = new_id()
        connection.execute(
            _NEW_DELIVERY,
            {
                "id": delivery, "group_id": group.id, "receiver": receiver, "channel": channel,
                "message_id": id_, "reason": str(decision.reason), "state": "sending",
                "attempt": last.attempts + 1, "error": "", "by": by, "reference": "",
                "started_at": now,
            },
        )  # fmt: skip
        return ToSend(
            delivery_id=delivery, group_id=group.id, receiver=receiver, channel=channel,
            # While something fires, the channel is owed a resolve, even if all of it is suppressed.
            seq=group.seq, firing=message.firing or seen.firing,
            severity=seen.severity if message.firing else last.severity,
            attempts=last.attempts, repeat=policy_of(group).repeat_interval, message=message,
        )  # fmt: skip

    def _abandon(self, connection: Connection, groups: Sequence[str]) -> None:
        """Mark deliveries of earlier claims as failed, since their sender must have died."""
        for piece in chunks(groups):
            connection.execute(ABANDONED, {"groups": piece, "ended_at": self._store.now()})

    def renew(self, sending: Sequence[ToSend]) -> None:
        """Extend the claims of messages that are still being sent; lost claims stay lost."""
        now = self._store.now()
        until = now + _CLAIM
        with self._store.write() as connection:
            for group_id, delivery_id in sorted(
                {s.group_id: s.delivery_id for s in sending}.items()
            ):
                held = exists().where(DELIVERY.c.id == delivery_id, DELIVERY.c.state == "sending")
                connection.execute(
                    GROUP.update().where(GROUP.c.id == group_id, held).values(claimed_until=until)
                )
            still_probing(connection, {one.channel for one in sending}, now)

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Record the results of sending, one transaction per group; see `deliveries.finish`."""
        finish(self._store, outcomes)


# Built once, since SQLAlchemy compiles a statement once for each object.
_NEW_DELIVERY = DELIVERY.insert()
