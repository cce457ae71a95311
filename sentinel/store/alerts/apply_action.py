"""What people, clocks and switches do to alerts: the same lifecycle, the same unit of work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)

from sentinel.alerts.actions import (
    Acknowledge,
    Action,
    ActionResult,
    Escalate,
    Reopen,
    Suppress,
    Unsuppress,
)
from sentinel.alerts.inputs import Closed, Input, Status
from sentinel.alerts.lifecycle import step
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Terms, Transition
from sentinel.notifications.grouping import Membership
from sentinel.rules.rule import Rule
from sentinel.severity import Severity
from sentinel.store.alerts.act_locks import Late, Taken, lock_alerts
from sentinel.store.alerts.action_audit import Done, Made, record_actions
from sentinel.store.alerts.action_results import by_hand, not_found, refused_result, since
from sentinel.store.alerts.alert_rows import ALERT_STATES, state_of
from sentinel.store.alerts.asked import MOST_ACTED_ON, Asked
from sentinel.store.alerts.holds import hold_rules
from sentinel.store.alerts.late_runs import late_runs
from sentinel.store.alerts.muted import load_muted, load_silenced
from sentinel.store.alerts.posted_batches import take_posted_ends
from sentinel.store.alerts.reopen import beside, homes_of
from sentinel.store.alerts.unit_of_work import Origin, UnitOfWork
from sentinel.store.database.tables import ALERT, NOT_RESOLVED, RULE
from sentinel.store.escalations.homes import next_levels
from sentinel.store.escalations.joint import still_wanted
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["OF_A_SENDER", "act_all", "close_rule", "expire", "expire_before"]

# Made once: SQLAlchemy compiles each statement object by itself.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_CHOSEN = ALERT.c.id.in_(_IDS)


def _rows(*where: ColumnElement[bool]) -> Select[Any]:
    """The statement that selects states, and what else a change of them needs, in this order."""
    return select(
        *ALERT_STATES.columns,
        *(ALERT.c[name] for name in ("tenant", "rule", "category", "team", "title", "fingerprint")),
    ).where(*where)


_ACTED_ON = _rows(_CHOSEN)
_LIVE = _rows(
    ALERT.c.tenant == bindparam("tenant"),
    ALERT.c.rule == bindparam("rule"),
    literal_column("status") != literal_column("'resolved'"),
)

OF_A_SENDER = (
    select(RULE.c.name)
    .where(RULE.c.tenant == ALERT.c.tenant, RULE.c.name == ALERT.c.rule)
    .where(RULE.c.spec["not_repeated"].as_string().is_not(None))
    .exists()
)
"""Alerts whose rule says what becomes of those that are not repeated."""


def act_all(
    store: Store, connection: Connection, asked: Sequence[Asked], *, wait: bool = True,
    late: Late | None = None,
) -> list[list[ActionResult] | Taken]:  # fmt: skip
    """Do actions to alerts; one that is refused does not keep the others from theirs.

    Args:
        store: whose clock and settings hold
        connection: an open writing transaction
        asked: at most `MOST_ACTED_ON` alerts in all; where there are several, no alert is in two
            of them, and none is a `Reopen`, whose alerts decide about one another
        wait: for rules that other transactions have locked; else what needs one is left undone
        late: returns what was asked while this waited for its locks; see `lock_alerts`

    Returns:
        What came of it for each alert, in the order of `asked`, of what came late and of their
        ids, or the rule whose lock it lacked.
    """
    asked, ids, rules, undone = lock_alerts(connection, asked, wait=wait, late=late)
    scopes = {alert_id: one.scope for one in asked for alert_id in one.ids}
    # Read only now that their rules are locked.
    again = connection.execute(_ACTED_ON, {"ids": [*ids]}).all()
    rows = {row.id: row for row in again if scopes[row.id].holds(row.tenant, row.team)}
    unit = UnitOfWork(store, connection, store.now())
    mutes = any(isinstance(one.action, Suppress | Unsuppress) for one in asked)
    changes = _Changes(unit, rules, load_silenced(connection, unit.now) if mutes else {})
    results: dict[str, ActionResult] = {}
    done: list[Done] = []
    left: list[Taken | None] = [None] * len(asked)
    if undone:
        left = [next((undone[id_] for id_ in one.ids if id_ in undone), None) for one in asked]
    for one, taken in zip(asked, left, strict=True):
        if taken is not None:
            continue
        mine = [rows[alert_id] for alert_id in dict.fromkeys(one.ids) if alert_id in rows]
        if isinstance(one.action, Reopen):
            # Of two that were the same situation, the newer comes back.
            mine.sort(key=lambda row: row.id, reverse=True)
            changes.look_up_resolved(mine)
        if isinstance(one.action, Escalate):
            changes.next_levels = next_levels(connection, [row.id for row in mine])
        if isinstance(one.action, Acknowledge):
            taken = [row.id for row in mine if row.status == Status.ACKNOWLEDGED]
            if taken:
                changes.wanted = still_wanted(connection, taken, one.action.actor)
        changes.made = []
        results |= {row.id: changes.act(row, one.action, one.version(row.id)) for row in mine}
        done.append(Done(one.action, changes.made, one.origin))
    resolved = [(rows[one].tenant, rows[one].rule) for one in results if by_hand(results[one])]
    if resolved:
        hold_rules(connection, resolved, unit.now + store.options.hold_after_manual_resolve)
    record_actions(store, connection, done)
    unit.commit()
    return [
        taken or [results.get(id_) or not_found(id_) for id_ in dict.fromkeys(one.ids)]
        for one, taken in zip(asked, left, strict=True)
    ]


def close_rule(
    store: Store, connection: Connection, tenant: str, rule: str, reason: Reason, actor: str
) -> int:
    """End every live alert of a rule whose lock the caller holds.

    Args:
        store: whose clock holds
        connection: an open writing transaction
        tenant: the rule's
        rule: its name
        reason: why they end
        actor: who switched the rule off

    Returns:
        How many alerts that were open or acknowledged it ended.
    """
    rows = connection.execute(_LIVE, {"tenant": tenant, "rule": rule}).all()
    return _end(store, connection, rows, lambda _: Closed(reason=reason, actor=actor))


def act_on_rule(
    store: Store,
    connection: Connection,
    tenant: str,
    rule: str,
    how: Callable[[Row[Any]], Suppress | Unsuppress | None],
) -> int:
    """Mute or unmute the live alerts of a rule whose lock the caller holds.

    What is kept of single fingerprints stays as it is: the rule's silence holds for all of them.

    Args:
        store: whose clock holds
        connection: an open writing transaction
        tenant: the rule's
        rule: its name
        how: returns what is done to an alert; None for nothing

    Returns:
        How many changed.
    """
    unit = UnitOfWork(store, connection, store.now())
    changes, done = _Changes(unit, {}), 0
    for row in connection.execute(_LIVE, {"tenant": tenant, "rule": rule}).all():
        if row.status in (Status.OPEN, Status.ACKNOWLEDGED) and (given := how(row)) is not None:
            done += changes.step(row, state_of(row), given).visible
    unit.suppressions.clear()
    unit.is_news = True
    unit.commit()
    return done


def expire(store: Store, connection: Connection, *, at_once: bool = False) -> int:
    """End the alerts that have outlived their rule's terms, the oldest first.

    The terms are `resolve_after`, after which an alert expires, and `not_repeated`, after which it
    closes as not repeated or is kept, as the rule says.

    A run that is late may still bring a reading from before the end. So where a rule has a period
    and a slot that is due by then, its alert stays open until that slot is evaluated, or no run of
    it can come any more.

    Args:
        store: whose clock holds
        connection: an open writing transaction
        at_once: whether no run can be late, as in a backtest

    Returns:
        How many, at most `MOST_ACTED_ON`.
    """
    now = store.now()
    take_posted_ends(connection, now)
    outlived = and_(
        ALERT.c.expires_at.is_not(None),
        ALERT.c.expires_at <= now,
        NOT_RESOLVED,
        # What is kept until somebody takes it must not crowd out what can go.
        or_(ALERT.c.severity < Severity.CRITICAL, ALERT.c.status != "open", OF_A_SENDER),
    )
    late = {} if at_once else late_runs(connection, outlived)
    chosen = select(ALERT.c.id, ALERT.c.tenant, ALERT.c.rule).order_by(ALERT.c.expires_at)
    mine = tuple_(ALERT.c.tenant, ALERT.c.rule)
    due = connection.execute(
        chosen.where(outlived, mine.not_in(list(late)) if late else true()).limit(MOST_ACTED_ON)
    ).all()
    for rule, (following, wait) in late.items():
        ended = or_(ALERT.c.expires_at < following, ALERT.c.expires_at <= now - wait)
        query = chosen.where(outlived, mine.in_([rule]), ended)
        due = [*due, *connection.execute(query.limit(MOST_ACTED_ON)).all()]
    due = due[:MOST_ACTED_ON]
    if not due:
        return 0
    rules = lock_rules(connection, [(row.tenant, row.rule) for row in due])
    # Read again now that their rules are locked.
    rows = connection.execute(_ACTED_ON, {"ids": [row.id for row in due]}).all()

    def how(row: Row[Any]) -> Closed:
        rule = rules.get((row.tenant, row.rule))
        return _outlived({} if rule is None else rule.spec)

    return _end(store, connection, rows, how)


def _outlived(spec: Mapping[str, Any]) -> Closed:
    """Return how an alert ends that has outlived the terms of its rule."""
    terms: dict[str, Any] | None = spec.get("not_repeated")
    if terms is None:
        return Closed(reason=Reason.EXPIRED)
    keeps = terms.get("then") == "keep"
    return Closed(reason=Reason.KEPT_NOT_REPEATED if keeps else Reason.NOT_REPEATED)


def expire_before(unit: UnitOfWork, rule: Rule, slot: datetime) -> None:
    """End the alerts of a rule, whose lock the caller holds, that expired before `slot`.

    Args:
        unit: has their rows and groups written when this returns; the caller commits it
        rule: that is about to be judged by `slot`
        slot: a reading of it keeps what expires at that moment or later
    """
    mine = {"tenant": rule.tenant, "rule": rule.name}
    rows = unit.connection.execute(_LIVE.where(ALERT.c.expires_at < slot), mine).all()
    changes = _Changes(unit, {})
    for row in rows:
        changes.step(row, state_of(row), Closed(reason=Reason.EXPIRED))
    if rows:
        # What remains to be written is locked after all alerts and groups of the evaluation.
        unit.flush()


def _end(
    store: Store,
    connection: Connection,
    rows: Sequence[Row[Any]],
    how: Callable[[Row[Any]], Closed],
) -> int:
    unit = UnitOfWork(store, connection, store.now())
    changes = _Changes(unit, {})
    closed = sum(changes.step(row, state_of(row), how(row)).visible for row in rows)
    unit.commit()
    return closed


class _Changes:
    """The transitions that one action, expiry or switch makes, on their way into a unit of work.

    Args:
        unit: that writes them
        rules: the locked rows of rules, by tenant and name
        silenced: until when and why rules are silenced, for what people mute and unmute

    Attributes:
        made: what people's actions changed
        next_levels: by alert, to which level of its escalation a person may send it now
        wanted: acknowledged alerts whose escalation waits for the person who acts, too
    """

    def __init__(
        self, unit: UnitOfWork, rules: Mapping[Any, Row[Any]],
        silenced: Mapping[tuple[str, str], tuple[datetime, str]] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self._unit = unit
        self._rules = rules
        self._silenced = silenced
        self._beside: dict[str, AlertState] = {}
        self._homes: dict[str, list[Membership]] = {}
        self.made: list[Made] = []
        self.next_levels: dict[str, int] = {}
        self.wanted: set[str] = set()

    def look_up_resolved(self, rows: Sequence[Row[Any]]) -> None:
        """Find what decides whether resolved alerts may be reopened, and in which groups."""
        resolved = [row for row in rows if row.status == Status.RESOLVED]
        connection = self._unit.connection
        self._beside = beside(connection, [row.fingerprint for row in resolved])
        self._homes = homes_of(connection, [row.id for row in resolved])

    def act(self, row: Row[Any], action: Action, expected_version: int | None) -> ActionResult:
        """Do what a person asked to one alert, unless it has moved on from `expected_version`."""
        state = state_of(row)
        if expected_version is not None and state.version != expected_version:
            error = "the alert has changed since you loaded it; reload it and decide again"
            return refused_result(state, Reason.CONFLICT, error)
        resolved = state.status is Status.RESOLVED
        if isinstance(action, Reopen) and resolved and state.id not in self._homes:
            error = "its notifications are no longer stored, so it cannot be reopened"
            return refused_result(state, Reason.REFUSED, error)
        become = self.step(row, state, action)
        after = become.state or state
        if become.visible:
            self.made.append(Made(state, after, row.tenant, row.title))
        return ActionResult(
            alert_id=state.id, ok=become.reason is not Reason.REFUSED, reason=become.reason,
            status=after.status.value, version=after.version, error=become.error,
        )  # fmt: skip

    def step(self, row: Row[Any], state: AlertState, given: Input) -> Transition:
        """Decide what becomes of one alert, and note what it writes."""
        unit = self._unit
        rule = self._rules.get((row.tenant, row.rule))
        terms = _SWITCHED_OFF if rule is not None and not rule.enabled else _TERMS
        if (held := self._silenced.get((row.tenant, row.rule))) is not None:
            terms = msgspec.structs.replace(terms, silenced=held)
        if (level := self.next_levels.get(state.id)) is not None:
            terms = msgspec.structs.replace(terms, next_level=level)
        if state.id in self.wanted:
            terms = msgspec.structs.replace(terms, wants_more=True)
        other = self._beside.get(row.fingerprint)
        become = step(state, None, given, unit.now, terms, beside=other)
        if become.drop is not None:
            unit.alerts.drop(become.drop)
        after = become.state
        if after is None or not become.visible:
            return become
        if become.reason is Reason.REOPENED_MANUALLY:
            after = load_muted(unit.connection, row.tenant, row.rule, unit.now).applied(
                after, row.fingerprint
            )
        unit.alerts.state(after)
        joins: Sequence[Membership] = ()
        if become.reason is Reason.REOPENED_MANUALLY:
            self._beside[row.fingerprint] = after
            joins = self._homes[after.id]
        elif isinstance(given, Suppress | Unsuppress):
            self._suppress(row, given)
        unit.record(
            become, after, Origin(row.tenant, row.rule, row.category, row.team), row.title,
            joins=joins, actor=getattr(given, "actor", ""),
            comment=getattr(given, "comment", "") or getattr(given, "assignee", "")
            or since(become.reason, after),
        )  # fmt: skip
        return become

    def _suppress(self, row: Row[Any], given: Suppress | Unsuppress) -> None:
        """Replace what is kept of the alert's fingerprint."""
        self._unit.suppressions[row.fingerprint] = None
        held = self._silenced.get((row.tenant, row.rule))
        # With the end and the words of the silence it is no more than that, as after an undo.
        if isinstance(given, Suppress) and (given.until, given.comment) != held:
            self._unit.suppressions[row.fingerprint] = {
                "fingerprint": row.fingerprint, "tenant": row.tenant, "rule": row.rule,
                "until": given.until, "reason": given.comment, "actor": given.actor,
                "created_at": self._unit.now,
            }  # fmt: skip


_TERMS = Terms()
_SWITCHED_OFF = Terms(switched_off=True)
