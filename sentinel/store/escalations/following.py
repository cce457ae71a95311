"""Escalations follow their groups: opened, paused, acknowledged, begun again and ended with them.

All of it runs in the transaction that changes the group, after its row is locked, so that whatever
door an acknowledgement comes through stops the escalation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, select

from sentinel.alerts.reasons import Reason
from sentinel.errors import ConfigurationError
from sentinel.notifications.grouping import UNDO_WITHIN
from sentinel.oncall import escalation_state as life
from sentinel.oncall.choice import Chosen, policy_of
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.escalation_state import Escalation, State
from sentinel.prefect_client.port import OutEvent
from sentinel.severity import Severity
from sentinel.store.database.tables import ALERT, MEMBER
from sentinel.store.escalations.again import page_last_level_again
from sentinel.store.escalations.armed import armed_events
from sentinel.store.escalations.endings import add_acknowledged, add_end, take_back_end
from sentinel.store.escalations.gathered import release_behind
from sentinel.store.escalations.homes import escalating_homes
from sentinel.store.escalations.opening import GroupOpened, open_for
from sentinel.store.escalations.pages import (
    drop_pages,
    people_paged,
)
from sentinel.store.escalations.pausing import put_back
from sentinel.store.escalations.rising import severity_rose
from sentinel.store.escalations.rows import (
    ESCALATION,
    locked_of_groups,
    plan_to_read,
    state_of,
    write_states,
)
from sentinel.store.escalations.taken_back import put_back_dropped
from sentinel.store.notifications.group_moves import GroupMove
from sentinel.store.oncall.documents import active_document, document_to_read

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "answerable", "follow_acknowledgements", "follow_comments", "follow_escalations",
    "follow_groups", "follow_mutes", "person_named",
]  # fmt: skip


def follow_groups(
    store: Store, connection: Connection, moves: Sequence[GroupMove], now: datetime
) -> list[OutEvent]:
    """Have escalations follow what became of groups.

    Args:
        store: the shared database
        connection: the caller's open transaction
        moves: of groups whose rows are locked
        now: the present moment

    Returns:
        Events for the outbox: what was armed.
    """
    due: list[datetime | None] = []
    if opening := [move for move in moves if move.opens]:
        due += _open(store, connection, opening, now)
    changed = {move.id: move for move in moves if not move.opens and move.is_news}
    if changed and (rows := locked_of_groups(connection, list(changed))):
        following = _Following(store, connection, now)
        for row in rows:
            following.moved(row, changed[row.group_id])
        due += following.write()
    return armed_events(due, now) if due else []


def follow_mutes(
    store: Store, connection: Connection, muted: Mapping[str, bool], now: datetime
) -> None:
    """Pause the escalations of groups that are wholly muted now, and go on with the others.

    Args:
        store: whose outbox gets what was armed
        connection: the caller's open transaction, in which the groups are locked
        muted: by group, whether all that fires in it is muted
        now: the present moment
    """
    following = _Following(store, connection, now)
    for row in locked_of_groups(connection, list(muted)):
        following.muted(row, all_muted=muted[row.group_id])
    store.outbox.add(connection, armed_events(following.write(), now))


def follow_comments(
    store: Store, connection: Connection, alerts: Sequence[str], now: datetime
) -> list[OutEvent]:
    """Begin the timeouts of acknowledgements anew, since somebody commented on these alerts."""
    following = _Following(store, connection, now)
    for row in locked_of_groups(connection, _groups_of(connection, alerts)):
        following.become(row, life.renewed(state_of(row), plan_to_read(row), now))
    return armed_events(following.write(), now)


def follow_acknowledgements(
    store: Store, connection: Connection, alerts: Mapping[str, str], now: datetime
) -> list[OutEvent]:
    """Count who acknowledges alerts that others have acknowledged before.

    Args:
        store: the shared database
        connection: the caller's open transaction
        alerts: with who acknowledges each
        now: the present moment

    Returns:
        Events for the outbox.
    """
    following = _Following(store, connection, now)
    homes = [one for one in escalating_homes(connection, list(alerts)) if one.acknowledged]
    rows = {
        row.group_id: row for row in locked_of_groups(connection, [one.group_id for one in homes])
    }
    # Once for each group and person, however many of its alerts they acknowledge.
    for group_id, who in dict.fromkeys((one.group_id, alerts[one.alert_id]) for one in homes):
        row = rows.get(group_id)
        if row is not None and row.state != State.ACKNOWLEDGED:
            following.acknowledged(row, who)
    return armed_events(following.write(), now)


def follow_escalations(
    store: Store, connection: Connection, alerts: Sequence[str], now: datetime
) -> list[OutEvent]:
    """Make the next steps due at once of the groups in which alerts fire."""
    following = _Following(store, connection, now)
    for row in locked_of_groups(connection, _groups_of(connection, alerts)):
        plan = plan_to_read(row)
        if row.level < len(plan.steps):
            following.become(row, life.escalated(state_of(row), plan, now))
    return armed_events(following.write(), now)


class _Following:
    """What becomes of escalations whose rows are locked: collected, then written once."""

    def __init__(self, store: Store, connection: Connection, now: datetime) -> None:
        self._store, self._connection, self._now = store, connection, now
        self._states: dict[str, Escalation] = {}
        self._dropped: list[str] = []
        self._acknowledged: dict[str, Row[Any]] = {}
        self._due: list[datetime | None] = []

    def become(self, row: Row[Any], after: Escalation) -> None:
        """Note a state that differs from the row's."""
        if after == state_of(row):
            return
        self._states[row.id] = after
        self._due.append(after.due_at)

    def moved(self, row: Row[Any], move: GroupMove) -> None:
        """Follow a group."""
        state, now = state_of(row), self._now
        if move.status == "resolved":
            self._end(row, state, move.resolution)
        elif move.status == "acknowledged" and move.before != "acknowledged":
            self.acknowledged(row, _who(self._connection, row.group_id))
        elif move.before == "acknowledged" and move.status == "open":
            plan = plan_to_read(row)
            if move.by_hand:
                after = life.unacknowledged(state, plan, now)
                self._put_back(row, row.acknowledged_at)
                severity = Severity(move.severity)
                self._due += page_last_level_again(
                    self._connection, row, after, plan, severity, now
                )
            else:
                wait = timedelta(seconds=row.wait_seconds)
                after = life.again(state, plan, now, wait)
            self.become(row, life.paused(after, now) if move.all_muted else after)
        else:
            if not self._worse(row, state, move):
                self.muted(row, all_muted=move.all_muted)

    def _worse(self, row: Row[Any], state: Escalation, move: GroupMove) -> bool:
        """Page what severity had left out; begin anew where no step is left for what joined.

        Returns:
            Whether it begins anew.
        """
        if state.state is State.ACKNOWLEDGED or not (move.rose or move.joined):
            return False
        plan, now = plan_to_read(row), self._now
        due: list[datetime] = []
        if move.rose:
            severities = Severity(move.before_severity), Severity(move.severity)
            # While it is paused, pages wait as if they had been added when the pause began.
            since = state.paused_at or now
            due = severity_rose(self._connection, row, state, plan, severities, since)
            self._due += due
        if due or not move.joined or state.state is not State.EXHAUSTED or not plan.steps:
            return False
        # What joins one by one is a page for each interval of the group, and not for each.
        after = life.again(state, plan, now, timedelta(0) if move.rose else move.interval)
        self.become(row, life.paused(after, now) if move.all_muted else after)
        return True

    def restored(self, move: GroupMove) -> bool:
        """Go on with what a resolve ended that is taken back before anybody heard of it."""
        row = self._connection.execute(_ENDED, {"group": move.id}).first()
        if row is None or row.ended_why != Reason.RESOLVED_MANUALLY:
            return False
        if not take_back_end(self._connection, row.id):
            return False
        who = _owner(self._connection, document_to_read(self._connection), move)
        after = life.restored(state_of(row), plan_to_read(row), self._now, who)
        self.become(row, life.paused(after, self._now) if move.all_muted else after)
        if after.state is not State.ACKNOWLEDGED:
            self._put_back(row, row.ended_at)
        return True

    def _put_back(self, row: Row[Any], since: datetime | None) -> None:
        """Put back what of the last step was dropped by what is taken back."""
        self._due += put_back_dropped(self._connection, row.id, row.level, since, self._now)

    def muted(self, row: Row[Any], *, all_muted: bool) -> None:
        """Pause, or go on."""
        state = state_of(row)
        if all_muted:
            self.become(row, life.paused(state, self._now))
            if state.state in (State.WAITING, State.EXHAUSTED):
                release_behind(self._connection, [row.id], self._now, paused=True)
        elif state.state is State.PAUSED and state.paused_at is not None:
            self._due += put_back(self._connection, row.id, state.paused_at, self._now)
            self.become(row, life.unpaused(state, self._now))

    def acknowledged(self, row: Row[Any], who: str) -> None:
        """Rest, unless somebody else must acknowledge too."""
        document = document_to_read(self._connection)
        paged = answerable(people_paged(self._connection, row), document)
        name = person_named(document, who)
        before = self._states.get(row.id) or state_of(row)
        plan = plan_to_read(row)
        if not plan.steps:
            self._store.log.add(
                self._connection, "error", "escalation.failed",
                "the steps of an escalation cannot be read, so it ends with this acknowledgement",
                {"escalation": row.id, "group": row.group_id, "do": "sentinel doctor"},
            )  # fmt: skip
        after = life.acknowledged(before, plan, name, self._now, paged)
        self.become(row, after)
        if after.state is State.ACKNOWLEDGED:
            self._dropped.append(row.id)
            self._acknowledged[row.id] = row
        else:  # the others are still wanted
            drop_pages(self._connection, [row.id], self._now, name)

    def _end(self, row: Row[Any], state: Escalation, why: str) -> None:
        self.become(row, life.ended(state, why, self._now))
        drop_pages(self._connection, [row.id], self._now)
        # A person may take their resolve back within a moment.
        wait = UNDO_WITHIN if why == Reason.RESOLVED_MANUALLY else timedelta(0)
        self._due += add_end(self._connection, row, self._now + wait)

    def write(self) -> list[datetime | None]:
        """Write it, and return what is due."""
        write_states(self._connection, list(self._states.items()), self._now)
        if self._dropped:
            drop_pages(self._connection, self._dropped, self._now)
        for row in self._acknowledged.values():
            self._due += add_acknowledged(self._connection, row, self._now)
        return self._due


def answerable(people: Sequence[str], document: OnCallDocument) -> list[str]:
    """Return those people who can acknowledge: whoever has left the document cannot."""
    return [one for one in people if not document.people or one in document.people]


def person_named(document: OnCallDocument, who: str) -> str:
    """Return the name in the on-call document of somebody who acts at a door.

    Args:
        document: the active one
        who: as timelines have it: `ann`, `Ann Lee`, `ann@example.org`, `ann via deploy-bot`

    Returns:
        The person's name there; `who` where nobody has it, or several people do.
    """
    given = who.split(" via ", 1)[0].strip()
    if given in document.people:
        return given
    asked = given.casefold()
    found = [
        name
        for name, person in document.people.items()
        if asked and asked in (name.casefold(), person.name.casefold(), person.email.casefold())
    ]
    return found[0] if len(found) == 1 else who


def _open(
    store: Store, connection: Connection, moves: Sequence[GroupMove], now: datetime
) -> list[datetime | None]:
    document, error = _document(connection)
    failed = {} if error is None else dict.fromkeys((move.id for move in moves), error)
    groups: dict[GroupOpened, Chosen] = {}
    following: _Following | None = None
    for move in moves:
        if move.by_hand:
            following = following or _Following(store, connection, now)
            if following.restored(move):
                failed.pop(move.id, None)
                continue
        try:
            chosen = policy_of(move.policy, document)
        except ValueError as refused:
            chosen, failed[move.id] = None, refused
        if chosen is not None:
            failed.pop(move.id, None)
            who = _owner(connection, document, move)
            group = GroupOpened(
                move.id, move.tenant, move.wait, move.all_muted, who,
                team=move.policy.get("team", ""), drill="drill" in move.policy,
            )  # fmt: skip
            groups[group] = chosen
    due = following.write() if following else []
    for group, cause in failed.items():  # its alerts open in any case
        store.log.add(
            connection, "error", "escalation.failed",
            f"a group opened without an escalation: {type(cause).__name__}: {cause}",
            {"group": group, "do": "sentinel oncall show"},
        )  # fmt: skip
    return [*due, *open_for(connection, groups, now)] if groups else due


def _document(connection: Connection) -> tuple[OnCallDocument, Exception | None]:
    try:
        return active_document(connection), None
    except ConfigurationError as error:
        return OnCallDocument(), error


def _owner(connection: Connection, document: OnCallDocument, move: GroupMove) -> str:
    """Return whose acknowledgement holds for a group that opens again; empty for nobody's."""
    if move.status != "acknowledged":
        return ""
    return person_named(document, _who(connection, move.id))


def _who(connection: Connection, group_id: str) -> str:
    """Return who acknowledged last what fires in a group."""
    return connection.execute(_LAST, {"group": group_id}).scalar() or ""


def _groups_of(connection: Connection, alerts: Sequence[str]) -> list[str]:
    return [one.group_id for one in escalating_homes(connection, alerts)]


_LAST = (
    select(ALERT.c.acknowledged_by)
    .join(MEMBER, MEMBER.c.alert_id == ALERT.c.id)
    .where(MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None))
    .where(ALERT.c.acknowledged_at.is_not(None))
    .order_by(ALERT.c.acknowledged_at.desc(), ALERT.c.id)
    .limit(1)
)
_ENDED = (
    select(ESCALATION)
    .where(ESCALATION.c.group_id == bindparam("group"))
    .order_by(ESCALATION.c.id.desc())
    .limit(1)
    .with_for_update()
)
