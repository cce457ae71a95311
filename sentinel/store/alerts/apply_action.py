"""What people, clocks and switches do to alerts: the same lifecycle, the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, or_, select

from sentinel.alerts.actions import Action, ActionResult, Reopen, Suppress, Unsuppress
from sentinel.alerts.events import ALERT_EVENTS, MOST_EVENTS, alert_event, batch_event
from sentinel.alerts.inputs import Ended, Input, Status
from sentinel.alerts.lifecycle import step
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Terms, Transition
from sentinel.prefect_client.port import OutEvent
from sentinel.severity import Severity
from sentinel.store.alerts.alert_rows import state_of, state_query
from sentinel.store.alerts.reopen import Home, beside, homes_of
from sentinel.store.alerts.write_batch import WriteBatch
from sentinel.store.database.chunks import chunks
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import ALERT, SUPPRESSION
from sentinel.store.notifications.groups import Fired, GroupChanges
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_ACTED_ON", "act", "close_rule", "expire"]

MOST_ACTED_ON = 10_000


def act(
    store: Store,
    connection: Connection,
    ids: Sequence[str],
    action: Action,
    expected_version: int | None,
) -> list[ActionResult]:
    """Do `action` to each alert; one that refuses does not keep the others from it.

    Args:
        store: whose clock and settings hold
        connection: an open writing transaction
        ids: at most `MOST_ACTED_ON` alerts; one named twice is acted on once
        action: what a person does
        expected_version: where given, an alert that has moved on since then is left alone
    """
    wanted = list(dict.fromkeys(ids))
    about = _about(connection, wanted)
    rules = lock_rules(connection, [(row.tenant, row.rule) for row in about.values()])
    now = store.now()
    doing = _Doing(store, connection, now)
    results: dict[str, ActionResult] = {}
    states = _states(connection, list(about))
    if isinstance(action, Reopen):
        doing.comes_back(states, about, rules)
        # Of two that were the same situation, the newer comes back.
        states = dict(sorted(states.items(), reverse=True))
    for alert_id, state in states.items():
        if expected_version is not None and state.version != expected_version:
            results[alert_id] = ActionResult(
                alert_id=alert_id, ok=False, reason=Reason.CONFLICT, status=state.status.value,
                version=state.version,
                error="somebody changed it since you looked; look again, then decide",
            )  # fmt: skip
            continue
        if isinstance(action, Reopen) and doing.homeless(state):
            results[alert_id] = ActionResult(
                alert_id=alert_id, ok=False, reason=Reason.REFUSED,
                status=state.status.value, version=state.version,
                error="what was told of it is no longer kept, so its end cannot be taken back",
            )  # fmt: skip
            continue
        become = doing.step(state, action, about[alert_id])
        after = become.state or state
        results[alert_id] = ActionResult(
            alert_id=alert_id, ok=become.reason is not Reason.REFUSED, reason=become.reason,
            status=after.status.value, version=after.version, error=become.error,
        )  # fmt: skip
    doing.carry_out()
    return [
        results.get(
            alert_id,
            ActionResult(
                alert_id=alert_id, ok=False, reason=Reason.NOT_FOUND, error="there is no such alert"
            ),
        )
        for alert_id in wanted
    ]


def close_rule(
    store: Store, connection: Connection, tenant: str, rule: str, reason: Reason, actor: str
) -> int:
    """End every live alert of a rule whose lock the caller holds; returns how many."""
    ids = [
        row.id
        for row in connection.execute(
            select(ALERT.c.id).where(
                ALERT.c.tenant == tenant, ALERT.c.rule == rule, ALERT.c.status != "resolved"
            )
        )
    ]
    return _end(store, connection, ids, Ended(reason=reason, actor=actor))


def expire(store: Store, connection: Connection) -> int:
    """End what has outlived its rule's `resolve_after`; returns how many."""
    now = store.now()
    due = connection.execute(
        select(ALERT.c.id, ALERT.c.tenant, ALERT.c.rule)
        .where(ALERT.c.expires_at.is_not(None), ALERT.c.status != "resolved")
        .where(ALERT.c.expires_at <= now)
        # What is kept until somebody takes it must not crowd out what can go.
        .where(or_(ALERT.c.severity < Severity.CRITICAL, ALERT.c.status != "open"))
        .order_by(ALERT.c.expires_at)
        .limit(MOST_ACTED_ON)
    ).all()
    lock_rules(connection, [(row.tenant, row.rule) for row in due])
    return _end(store, connection, [row.id for row in due], Ended(reason=Reason.EXPIRED))


def _end(store: Store, connection: Connection, ids: Sequence[str], ended: Ended) -> int:
    about = _about(connection, ids)
    doing = _Doing(store, connection, store.now())
    closed = 0
    for alert_id, state in _states(connection, ids).items():
        become = doing.step(state, ended, about[alert_id])
        closed += become.visible
    doing.carry_out()
    return closed


class _Doing:
    """A set of transitions that one transaction carries out."""

    def __init__(self, store: Store, connection: Connection, now: datetime) -> None:
        self._store = store
        self._connection = connection
        self._now = now
        self._writes = WriteBatch()
        self._group_changes = GroupChanges(store, connection)
        self._events: list[OutEvent] = []
        self._changes = 0
        self._last: Row[Any] | None = None
        self._rules: Mapping[Any, Row[Any]] = {}
        self._beside: dict[str, AlertState] = {}
        self._homes: dict[str, Home] = {}

    def comes_back(
        self,
        states: Mapping[str, AlertState],
        about: Mapping[str, Row[Any]],
        rules: Mapping[Any, Row[Any]],
    ) -> None:
        """Look up what decides whether those that are over may be reopened, and where to."""
        over = [one for one, state in states.items() if state.status is Status.RESOLVED]
        self._rules = rules
        self._beside = beside(self._connection, [about[one].fingerprint for one in over])
        self._homes = homes_of(self._connection, over)

    def homeless(self, state: AlertState) -> bool:
        """Whether nothing is left of the conversation that an alert that is over was told in."""
        return state.status is Status.RESOLVED and state.id not in self._homes

    def step(self, state: AlertState, given: Input, about: Row[Any]) -> Transition:
        """Decide one, and put down what it writes."""
        rule = self._rules.get((about.tenant, about.rule))
        terms = Terms(switched_off=rule is not None and not rule.enabled)
        other = self._beside.get(about.fingerprint)
        become = step(state, None, given, self._now, terms, beside=other)
        if become.drop is not None:
            self._writes.drop(become.drop)
        after = become.state
        if after is None or not become.visible:
            return become
        self._writes.state(after)
        actor, comment = getattr(given, "actor", ""), getattr(given, "comment", "")
        reason = become.reason
        self._writes.entry(
            after, at=self._now, kind=ALERT_EVENTS[reason], reason=str(reason), actor=actor,
            comment=comment or getattr(given, "assignee", ""),
        )  # fmt: skip
        if isinstance(given, Suppress | Unsuppress):
            self._suppress(about, given)
        if after.resolution:
            self._group_changes.resolution = after.resolution
        if isinstance(given, Ended) and reason is Reason.EXPIRED:
            self._group_changes.ended_quietly.append(after.id)
        elif after.resolved_at is not None and state.resolved_at is None:
            self._group_changes.resolved.append(after.id)
        elif reason is Reason.REOPENED_MANUALLY:
            self._beside[about.fingerprint] = after
            home = self._homes[after.id]
            self._group_changes.fired.append(
                Fired(after.id, home.title, home.severity, home.membership, False, by_hand=True)
            )
        elif reason not in (Reason.COMMENTED, Reason.ASSIGNED):
            self._group_changes.touched.append(after.id)
        self._changes += 1
        self._last = about
        if len(self._events) < MOST_EVENTS:
            self._events.append(self._event(reason, after, about, actor, comment))
        return become

    def _event(
        self, reason: Reason, after: AlertState, about: Row[Any], actor: str, comment: str
    ) -> OutEvent:
        return alert_event(
            reason,
            alert_id=after.id,
            version=after.version,
            at=self._now,
            title=about.title,
            labels={
                "severity": Severity(after.severity).word, "rule": about.rule,
                "category": about.category, "team": about.team, "tenant": about.tenant,
            },
            payload={"status": after.status.value, "actor": actor, "comment": comment},
            about=[],
        )  # fmt: skip

    def _suppress(self, about: Row[Any], given: Suppress | Unsuppress) -> None:
        """Remember it by fingerprint, so that it survives resolve and refire."""
        self._connection.execute(
            SUPPRESSION.delete().where(SUPPRESSION.c.fingerprint == about.fingerprint)
        )
        if isinstance(given, Suppress):
            self._connection.execute(
                insert_into(self._store.dialect, SUPPRESSION).values(
                    fingerprint=about.fingerprint, tenant=about.tenant, rule=about.rule,
                    until=given.until, reason=given.comment, actor=given.actor,
                    created_at=self._now,
                )
            )  # fmt: skip

    def carry_out(self) -> None:
        """Write all of it."""
        if not self._writes:
            return
        self._writes.write(self._connection)
        group_events, due_now = self._group_changes.carry_out(self._now)
        events = self._events
        if self._changes > MOST_EVENTS and self._last is not None:
            last = self._last
            counts = {"changes": self._changes}
            slot = self._now.isoformat()
            events = [batch_event(last.rule, last.tenant, slot, self._now, counts, [])]
        self._store.outbox.add(self._connection, [*group_events, *events])
        if due_now:
            self._store.wakes.request(self._connection, self._now)
        self._store.changed(self._connection)


def _about(connection: Connection, ids: Sequence[str]) -> dict[str, Row[Any]]:
    """Rule, fingerprint and words of each alert."""
    found: dict[str, Row[Any]] = {}
    names = ("id", "tenant", "rule", "fingerprint", "title", "category", "team")
    for piece in chunks(ids):
        query = select(*[ALERT.c[name] for name in names])
        found |= {row.id: row for row in connection.execute(query.where(ALERT.c.id.in_(piece)))}
    return found


def _states(connection: Connection, ids: Sequence[str]) -> dict[str, AlertState]:
    """The alerts as they are now that their rules are locked."""
    states: dict[str, AlertState] = {}
    for piece in chunks(ids):
        rows = state_query(connection, ALERT.c.id.in_(piece))
        states |= {row.id: state_of(row) for row in rows}
    return states
