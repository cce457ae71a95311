"""Groups: which alerts form one conversation, and when its next notification decision is due.

All of it runs in the caller's transaction, after rules and alerts are locked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from sentinel.alerts.events import group_event
from sentinel.alerts.reasons import Reason
from sentinel.notifications.grouping import (
    NotifiedSoFar,
    first_wait,
    group_title,
    next_decision,
)
from sentinel.prefect_client.port import OutEvent
from sentinel.severity import Severity
from sentinel.store.database.bulk import (
    dumped,
    id_array,
    insert_many,
    insert_or_update,
    update_many,
)
from sentinel.store.database.chunks import CHUNK, chunks
from sentinel.store.notifications.group_homes import Fired, GroupHomes
from sentinel.store.notifications.group_moves import GroupMove
from sentinel.store.notifications.group_statements import FIRES_AGAIN, LOCKED, LOCKED_OF
from sentinel.store.notifications.member_counts import (
    MemberChanges,
    MemberCount,
    member_counts,
)
from sentinel.store.notifications.queries import SO_FAR
from sentinel.store.notifications.unheard import take_back_unheard

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Fired", "GroupChanges"]


class GroupChanges:
    """What one transaction changes in groups: filled first, then carried out once.

    Args:
        store: whose transaction it is
        connection: the open transaction
        about: the flow run behind it, as related resources of the events
    """

    def __init__(
        self, store: Store, connection: Connection, about: Sequence[dict[str, str]] = ()
    ) -> None:
        self._store = store
        self._connection = connection
        self._about = about
        self.fired: list[Fired] = []
        self.resolved: dict[str, str] = {}
        self.ended_quietly: dict[str, str] = {}
        self.touched: list[str] = []
        self.acknowledged: dict[str, int] = {}
        self.going_on: list[str] = []
        self.moves: list[GroupMove] = []
        self._ends: dict[str, str] = {}
        self._policies: dict[str, Mapping[str, Any]] = {}

    def touch(self, alert_id: str, reason: Reason) -> None:
        """Note a change of an alert that neither enters nor leaves its group."""
        if reason in _STEPS:
            self.acknowledged[alert_id] = _STEPS[reason]
            return
        self.touched.append(alert_id)
        if reason in _GOES_ON:
            self.going_on.append(alert_id)

    def carry_out(self, now: datetime) -> tuple[list[OutEvent], bool]:
        """Write the changes.

        Args:
            now: the moment of the transaction

        Returns:
            The groups' events for the outbox, and whether a notification decision is due at once.
        """
        changed = [*self.resolved, *self.ended_quietly, *self.touched, *self.acknowledged]
        homes: dict[str, Row[Any]] = {}
        if not self.fired and len(changed) <= CHUNK:
            groups = {row.id: row for row in self._lock_of(changed)}
        else:
            others = self._groups_of(changed)
            homes = GroupHomes(self._store, self._connection, others, self._lock).of(
                self.fired, now
            )
            groups = {
                row.id: row for row in self._lock({row.id for row in homes.values()} | others)
            }
        ids = set(groups)
        if not ids:
            return [], False
        changes = MemberChanges()
        changes.others = self._groups_of(self.touched)
        if self.acknowledged:
            changes.acknowledge(self._connection, self.acknowledged)
        if self.fired:
            self._enter_members(homes, groups, changes, now)
        # A group that also has an alert which ended for a reason that people chose ended for that.
        if self.ended_quietly:
            changes.ends(self._end_members(self.ended_quietly, quiet=True))
        if self.resolved:
            changes.ends(self._end_members(self.resolved, quiet=False))
        on = self._groups_of(self.going_on)
        fired = {homes[one.membership.key].id for one in self.fired if not one.by_hand}
        restored = {home.id for home in homes.values()} - fired
        counts = member_counts(self._connection, groups, changes, now)
        so_far = self._so_far(ids)
        events: list[OutEvent] = []
        rows: list[tuple[Any, ...]] = []
        due_now = False
        for group in groups.values():
            row, event, due = self._become(group, counts.get(group.id), so_far, now)
            rows.append(row)
            known = group.id in on or not changes.has_news(group.id) or group.id in restored
            self.moves.append(self._move(group, row, by_hand=known, joined=group.id in fired))
            due_now = due_now or due <= now
            if event is not None:
                events.append(event)
        update_many(self._connection, "alert_group", _COLUMNS, rows)
        return events, due_now

    def _groups_of(self, alert_ids: Sequence[str]) -> set[str]:
        """Return the groups in which alerts fire, as of before this transaction."""
        if not alert_ids:
            return set()
        subquery, parameter = id_array(self._connection, alert_ids)
        found = self._connection.exec_driver_sql(
            "SELECT DISTINCT group_id FROM group_member "  # noqa: S608 - no user text in it
            f"WHERE resolved_seq IS NULL AND alert_id IN ({subquery})",
            (parameter,),
        )
        return {row[0] for row in found}

    def _lock_of(self, alert_ids: Sequence[str]) -> list[Row[Any]]:
        """Lock the groups in which alerts fire, at most `CHUNK` of them, and return them."""
        rows: list[Row[Any]] = []
        if alert_ids:
            rows.extend(self._connection.execute(LOCKED_OF, {"alerts": alert_ids}))
        return rows

    def _lock(self, ids: set[str]) -> list[Row[Any]]:
        rows: list[Row[Any]] = []
        for piece in chunks(sorted(ids)):
            rows.extend(self._connection.execute(LOCKED, {"ids": piece}))
        return rows

    def _enter_members(
        self, homes: dict[str, Row[Any]], groups: dict[str, Row[Any]], changes: MemberChanges,
        now: datetime,
    ) -> None:  # fmt: skip
        fresh: list[tuple[Any, ...]] = []
        back: dict[tuple[str, str], tuple[Any, ...]] = {}
        by_hand = [
            (homes[fired.membership.key].id, fired.alert_id)
            for fired in self.fired
            if fired.by_hand
        ]
        unheard = (
            take_back_unheard(self._connection, groups, by_hand, now)
            if by_hand
            else set[tuple[str, str]]()
        )
        for fired in self.fired:
            group = groups[homes[fired.membership.key].id]
            if not fired.by_hand:
                self._policies[group.id] = fired.membership.policy
            if fired.fresh:
                fresh.append((group.id, fired.alert_id, group.seq + 1, None, False))
                changes.opened[group.id][fired.alert_id] = fired.severity
                continue
            changes.others.add(group.id)
            if (group.id, fired.alert_id) not in unheard:
                pair = (group.id, fired.alert_id)
                back[pair] = (*pair, group.seq + 1, None, False)
        renewed = [
            (id_, dumped(policy))
            for id_, policy in self._policies.items()
            if policy != groups[id_].policy
        ]
        if renewed:
            update_many(self._connection, "alert_group", (("policy", "json"),), renewed)
        names = ("group_id", "alert_id", "fired_seq", "resolved_seq", "quiet")
        insert_many(self._connection, "group_member", names, fresh)
        if back:
            key, rows = ("group_id", "alert_id"), list(back.values())
            insert_or_update(
                self._connection, "group_member", names, rows, key=key, sets=FIRES_AGAIN
            )

    def _end_members(self, ends: Mapping[str, str], *, quiet: bool) -> Sequence[Row[Any]]:
        subquery, parameter = id_array(self._connection, [*ends])
        word = "TRUE" if quiet else "FALSE"
        ended = self._connection.exec_driver_sql(
            "UPDATE group_member SET resolved_seq = (SELECT g.seq + 1 FROM alert_group g "  # noqa: S608 - no user text in it
            f"WHERE g.id = group_member.group_id), quiet = {word} "
            f"WHERE resolved_seq IS NULL AND alert_id IN ({subquery}) "
            "RETURNING group_id, alert_id",
            (parameter,),
        )
        rows = ended.all()
        # Of several reasons in one group at one moment, always the same one.
        self._ends.update(sorted({(row.group_id, ends[row.alert_id]) for row in rows}))
        return rows

    def _so_far(self, ids: set[str]) -> dict[str, NotifiedSoFar]:
        found: dict[str, NotifiedSoFar] = {}
        for piece in chunks(sorted(ids)):
            for row in self._connection.execute(SO_FAR, {"ids": piece}):
                found[row.group_id] = NotifiedSoFar(
                    at=row.notified_at,
                    severity=row.notified_severity or 0,
                    unaware=bool(row.unaware),
                )
        return found

    def _become(
        self, group: Row[Any], count: MemberCount | None, so_far: dict[str, NotifiedSoFar],
        now: datetime,
    ) -> tuple[tuple[Any, ...], OutEvent | None, datetime]:  # fmt: skip
        seq = group.seq + 1
        firing = count.firing if count else 0
        acked = count.acknowledged if count else 0
        severity = count.severity if count else group.severity
        over = "resolved" if firing == 0 else ""
        status = over or ("acknowledged" if acked == firing else "open")
        title = group.title
        if count is not None:
            title = group_title(firing, count.title, group.labels)
        # A group that fires again is a new episode and waits as a first one does (group_wait).
        again = group.status == "reopening"
        so_far_now = NotifiedSoFar() if again else so_far.get(group.id, NotifiedSoFar())
        policy: Mapping[str, Any] = self._policies.get(group.id) or group.policy
        wait = policy.get("group_wait")
        due = next_decision(
            due_at=group.due_at,
            so_far=so_far_now,
            severity=severity,
            firing=firing,
            wait=None if wait is None else timedelta(seconds=wait),
            interval=timedelta(seconds=policy.get("group_interval", 300)),
            now=now,
            by_hand=self._ends.get(group.id) == Reason.RESOLVED_MANUALLY,
            acknowledged=status == "acknowledged",
        )
        raised = seq if severity > group.severity or group.seq == 0 else group.raised_seq
        resolution = self._ends.get(group.id, str(Reason.RECOVERED)) if firing == 0 else ""
        row = (
            group.id, status, severity, firing, acked, count.suppressed if count else 0,
            title, now if firing == 0 else None, resolution, seq, raised, due, now,
        )  # fmt: skip
        return row, self._event(group, status, seq, title, severity, firing, now), due

    def _move(self, group: Row[Any], row: tuple[Any, ...], **known: bool) -> GroupMove:
        _, status, severity, firing, _, suppressed, _, _, resolution, *_ = row
        policy: Mapping[str, Any] = self._policies.get(group.id) or group.policy
        wait = policy.get("group_wait")
        return GroupMove(
            id=group.id, tenant=group.tenant, before=group.status, status=status,
            resolution=resolution, was_muted=0 < group.firing <= group.suppressed,
            all_muted=0 < firing <= suppressed, policy=policy, before_severity=group.severity,
            severity=severity, **known,
            wait=first_wait(None if wait is None else timedelta(seconds=wait), severity),
        )  # fmt: skip

    def _event(
        self, group: Row[Any], status: str, seq: int, title: str, severity: int, firing: int,
        now: datetime,
    ) -> OutEvent | None:  # fmt: skip
        what = _CHANGES.get((group.status, status))
        if what is None:
            return None
        labels = {
            "severity": Severity(severity).word,
            "route": group.route,
            "tenant": group.tenant,
            **{name: text for name, text in group.labels.items() if name in _EVENT_LABELS},
        }
        return group_event(
            what, group_id=group.id, seq=seq, at=now, title=title, labels=labels,
            payload={"firing": firing, "labels": dict(group.labels)}, about=self._about,
        )  # fmt: skip


_STEPS = {Reason.ACKNOWLEDGED: 1, Reason.UNACKNOWLEDGED: -1}
"""By how much a person's action changes the number of acknowledged alerts, and nothing else."""
_GOES_ON = frozenset((Reason.ESCALATED_MANUALLY, Reason.ACKNOWLEDGEMENT_EXPIRED))
"""Withdraw an acknowledgement without news: what the group escalates goes on."""

_COLUMNS = (
    ("status", "text"), ("severity", "int"), ("firing", "int"), ("acknowledged", "int"),
    ("suppressed", "int"), ("title", "text"), ("resolved_at", "moment"), ("resolution", "text"),
    ("seq", "int"), ("raised_seq", "int"), ("due_at", "moment"), ("updated_at", "moment"),
)  # fmt: skip

_EVENT_LABELS = ("rule", "category", "team")

# From the status before to the status after; "opening" and "reopening" exist only inside the
# transaction that makes or reopens a group.
_CHANGES = {
    ("opening", "open"): "opened",
    ("opening", "resolved"): None,
    ("reopening", "open"): "reopened",
    ("reopening", "acknowledged"): "reopened",
    ("open", "acknowledged"): "acknowledged",
    ("acknowledged", "open"): "unacknowledged",
    ("open", "resolved"): "resolved",
    ("acknowledged", "resolved"): "resolved",
}
