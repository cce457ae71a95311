"""Steps of escalations that are due: their pages, the level of the alerts, and what is due next.

It is one transaction in the order in which all writers lock (docs/adr/0003): rules, alerts, groups,
escalations. A claim is looked at again once they are locked, so that an acknowledgement, or the end
of the group, that came between wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BindParameter, Connection, Row, and_, bindparam, select

from sentinel.alerts.events import group_event
from sentinel.alerts.inputs import AcknowledgementExpired, Escalated, Status
from sentinel.alerts.lifecycle import step
from sentinel.alerts.state import Terms, acknowledged
from sentinel.errors import ConfigurationError
from sentinel.notifications.page import EXPIRED
from sentinel.oncall import escalation_state as life
from sentinel.oncall.escalation import Page, Paged, pages_of
from sentinel.oncall.escalation_state import Escalation, State
from sentinel.oncall.person import contacts
from sentinel.severity import Severity
from sentinel.store.alerts.alert_rows import ALERT_STATES, state_of
from sentinel.store.alerts.unit_of_work import Origin, UnitOfWork
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, GROUP, MEMBER
from sentinel.store.escalations.again import OWNER_FIRST, last_level
from sentinel.store.escalations.armed import armed_events
from sentinel.store.escalations.claims import Claimed
from sentinel.store.escalations.endings import add_end
from sentinel.store.escalations.gathered import release_behind
from sentinel.store.escalations.pages import add_pages, drop_pages
from sentinel.store.escalations.rows import (
    locked_of_groups,
    plan_of_row,
    write_states,
)
from sentinel.store.escalations.rows import state_of as escalation_of
from sentinel.store.notifications.mutes import Mutes
from sentinel.store.oncall.stored import read_oncall_now
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["CarriedOut", "carry_out", "carry_out_in"]


class CarriedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one claimed escalation.

    Attributes:
        escalation_id: of the escalation
        group_id: its group
        what: paged, nobody (a step without pages), owner (the owner of an acknowledgement that ran
            out is paged again, or the last level where the owner is not known), paused, ended,
            lost (others have seen to it) or failed
        level: how many steps are done
        pages: ids of the messages that were added
        due_at: when the next step is due; None for none
        missing: targets of the step that have nobody on call
    """

    escalation_id: str
    group_id: str
    what: str
    level: int = 0
    pages: tuple[str, ...] = ()
    due_at: datetime | None = None
    missing: tuple[str, ...] = ()


def carry_out(
    store: Store, claimed: Sequence[Claimed], now: datetime | None = None
) -> list[CarriedOut]:
    """Carry out what is due of escalations, in one transaction.

    Whom a step pages is worked out now, from the active on-call document and its overrides. Where
    one of them fails, the others are carried out by themselves; the system log has the error, and
    the auditor finds it stuck.

    Args:
        store: the shared database
        claimed: as `claim_due` returned them
        now: the present moment; the store's clock by default

    Returns:
        What came of each, in the order of `claimed`; the messages wait for `pages_due`.
    """
    if not claimed:
        return []
    moment = now or store.now()
    try:
        return store.in_transaction(
            lambda connection: carry_out_in(store, connection, claimed, moment)
        )
    except (ConfigurationError, ValueError, LookupError, TypeError) as error:
        if len(claimed) > 1:  # one that fails keeps no other from its step
            return [each for one in claimed for each in carry_out(store, [one], moment)]
        (one,) = claimed
        store.log.write(
            "error", "escalation.failed",
            f"the step of an escalation could not be carried out: {type(error).__name__}: {error}",
            {"escalation": one.id, "group": one.group_id, "do": "sentinel doctor"},
        )  # fmt: skip
        return [CarriedOut(escalation_id=one.id, group_id=one.group_id, what="failed")]


def carry_out_in(
    store: Store, connection: Connection, claimed: Sequence[Claimed], now: datetime
) -> list[CarriedOut]:
    """Do what `carry_out` does in an open writing transaction."""
    wanted = {one.id: one for one in claimed}
    ids = sorted({one.group_id for one in claimed})
    rules = lock_rules(connection, _rules_of(connection, ids))
    groups = _locked_groups(connection, ids)
    unit = UnitOfWork(store, connection, now)
    steps = _Steps(unit, rules)
    found: dict[str, CarriedOut] = {}
    for row in locked_of_groups(connection, ids):
        one = wanted.get(row.id)
        if one is not None and row.claimed_by == one.claim and row.due_at == one.due_at:
            found[row.id] = steps.carry_out(row, groups[row.group_id])
    steps.commit()
    return [
        found.get(one.id) or CarriedOut(escalation_id=one.id, group_id=one.group_id, what="lost")
        for one in claimed
    ]


class _Steps:
    """The steps of one transaction, on their way into a unit of work.

    Args:
        unit: that writes the alerts
        rules: the locked rows of rules, by tenant and name
    """

    def __init__(self, unit: UnitOfWork, rules: Mapping[Any, Row[Any]]) -> None:
        self._unit, self._rules = unit, rules
        self._mutes = Mutes(unit.connection, unit.now)
        self._connection, self._now = unit.connection, unit.now
        self._oncall = read_oncall_now(unit.connection, unit.now)
        self._states: list[tuple[str, Escalation]] = []
        self._due: list[datetime | None] = []
        self._events: list[Any] = []

    def carry_out(self, row: Row[Any], group: Row[Any]) -> CarriedOut:
        """Do what is due of one escalation whose row is locked."""
        state = escalation_of(row)
        # Not as the last decision left it: a silence may mute what has opened since.
        firing, muted = group.firing, self._mutes.hidden(group)
        if group.status == "resolved" or firing == 0:
            drop_pages(self._connection, [row.id], self._now)
            self._due += add_end(self._connection, row, self._now)
            return self._done(row, life.ended(state, group.resolution, self._now), "ended")
        if state.state is State.ACKNOWLEDGED:
            return self._ran_out(row, group, state, heard=firing > muted)
        if firing <= muted:
            release_behind(self._connection, [row.id], self._now, paused=True)
            return self._done(row, life.paused(state, self._now), "paused")
        plan = plan_of_row(row)
        place = plan.steps[state.level]
        done = pages_of(
            place, Severity(group.severity), self._now, self._oncall.document,
            self._oncall.overrides_of,
        )  # fmt: skip
        after = life.step_done(state, plan, done, self._now)
        # Where all must acknowledge, those who have are left alone.
        wanted = [page for page in done.pages if page.person not in state.acknowledgements]
        pages = add_pages(self._connection, row.id, row.group_id, place.level, wanted)
        self._due += [page.at for page in wanted]
        # What is paged at once is the notification itself, and no escalation.
        if done.pages and (place.offset > timedelta(0) or state.level > 0):
            self._raise(row, place.level)
        if done.pages:
            self._tell(row, group, place.level, done)
        what = "paged" if pages else "nobody"
        return self._done(row, after, what, pages, done.missing)

    def _ran_out(
        self, row: Row[Any], group: Row[Any], state: Escalation, *, heard: bool
    ) -> CarriedOut:
        """Page the owner of an acknowledgement again, and the last level where none follows."""
        now, owner = self._now, state.acknowledged_by
        if not heard:  # it runs out once the group is heard again
            return self._done(row, life.held(state, now), "paused")
        person = self._oncall.document.people.get(owner)
        plan = plan_of_row(row)
        after = life.timed_out(state, plan, now)
        found: list[Page] = []
        if person is not None:
            for one in contacts(person, Severity(group.severity), now):
                page = Page(one.at, one.receiver, owner, EXPIRED, one.put_off)
                found.append(page)
        elif after.due_at is not None:
            after = msgspec.structs.replace(after, due_at=now)  # nobody to wait for
        if after.due_at is None:
            others = now + (OWNER_FIRST if found else timedelta(0))
            level = last_level(plan, state.level, Severity(group.severity), self._oncall, others)
            found += [page for page in level if not page.person or page.person != owner]
        pages = add_pages(self._connection, row.id, row.group_id, row.level, found, kind="again")
        self._due += [page.at for page in found]
        for alert in self._firing(row.group_id, Status.ACKNOWLEDGED):
            self._step(alert, AcknowledgementExpired(), acknowledged(state_of(alert)))
        return self._done(row, after, "owner", pages)

    def _done(
        self, row: Row[Any], after: Escalation, what: str, pages: Sequence[str] = (),
        missing: Sequence[str] = (),
    ) -> CarriedOut:  # fmt: skip
        self._states.append((row.id, after))
        self._due.append(after.due_at)
        return CarriedOut(
            escalation_id=row.id, group_id=row.group_id, what=what, level=after.level,
            pages=tuple(pages), due_at=after.due_at, missing=tuple(missing),
        )  # fmt: skip

    def _raise(self, row: Row[Any], level: int) -> None:
        """Note the level with each alert of the group that nobody works on."""
        named = f" of {row.policy}" if row.policy else ""
        for alert in self._firing(row.group_id, Status.OPEN):
            self._step(alert, Escalated(level=level), f"level {level}{named}")

    def _step(
        self, alert: Row[Any], given: Escalated | AcknowledgementExpired, comment: str
    ) -> None:
        if (alert.tenant, alert.rule) not in self._rules:
            return  # it joined meanwhile; the next step notes it
        become = step(state_of(alert), None, given, self._now, _TERMS)
        if become.state is None or not become.visible:
            return
        self._unit.alerts.state(become.state)
        self._unit.record(
            become, become.state, Origin(alert.tenant, alert.rule, alert.category, alert.team),
            alert.title, comment=comment,
        )  # fmt: skip

    def _tell(self, row: Row[Any], group: Row[Any], level: int, done: Paged) -> None:
        labels = {
            "severity": Severity(group.severity).word, "route": group.route,
            "tenant": group.tenant, "policy": row.policy,
        }  # fmt: skip
        payload = {
            "level": level, "people": sorted({one.person for one in done.pages if one.person}),
            "skipped": done.skipped, "missing": list(done.missing),
        }  # fmt: skip
        self._events.append(
            group_event(
                "escalated", group_id=row.group_id, seq=_number(row.id, level), at=self._now,
                title=group.title, labels=labels, payload=payload, about=(),
            )
        )  # fmt: skip

    def _firing(self, group_id: str, status: Status) -> Sequence[Row[Any]]:
        asked = {"group": group_id, "status": status.value}
        return self._connection.execute(_FIRING, asked).all()

    def commit(self) -> None:
        """Write all of it; the states last, since they decide over what followed the groups."""
        unit = self._unit
        unit.flush()
        write_states(self._connection, self._states, self._now)
        events = [*self._events, *armed_events(self._due, self._now)]
        unit.store.outbox.add(self._connection, events)
        unit.is_news = unit.is_news or bool(self._states)
        unit.commit()


def _number(escalation_id: str, level: int) -> int:
    """Return a number that no other step of any escalation of the group has."""
    return int(escalation_id[:12], 16) * 10_000 + level


def _rules_of(connection: Connection, groups: Sequence[str]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for piece in chunks(groups):
        found.update(
            (row.tenant, row.rule) for row in connection.execute(_RULES, {"groups": piece})
        )
    return found


def _locked_groups(connection: Connection, groups: Sequence[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for piece in chunks(groups):
        found.update({row.id: row for row in connection.execute(_LOCKED, {"groups": piece})})
    return found


_TERMS = Terms()
# Built once, since SQLAlchemy compiles a statement once for each object.
_GROUPS: BindParameter[Any] = bindparam("groups", expanding=True)
_FIRES = and_(MEMBER.c.group_id.in_(_GROUPS), MEMBER.c.resolved_seq.is_(None))
_OF_MEMBERS = MEMBER.join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
_RULES = select(ALERT.c.tenant, ALERT.c.rule).select_from(_OF_MEMBERS).where(_FIRES).distinct()
_LOCKED = select(GROUP).where(GROUP.c.id.in_(_GROUPS)).order_by(GROUP.c.id).with_for_update()
_FIRING = (
    select(
        *ALERT_STATES.columns,
        *(ALERT.c[name] for name in ("tenant", "rule", "category", "team", "title")),
    )
    .select_from(_OF_MEMBERS)
    .where(MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None))
    .where(ALERT.c.status == bindparam("status"))
    .order_by(ALERT.c.id)
)
