"""Apply the messages of other systems: each is one evaluation of its sender's rule, in order.

Evaluations of a rule take turns, so a thousand messages at once would hold as many threads and
connections that wait for one another. `Arrivals` has one thread apply them instead, in the order of
their arrival, and as many in one transaction as have come meanwhile.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Literal

import msgspec
from sqlalchemy import Connection

from sentinel.audit.change import Change
from sentinel.checks.event_port import POSTED_TRIGGER
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading, checked
from sentinel.errors import DatabaseError, NotFound
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.rules.not_repeated import NotRepeated
from sentinel.rules.rule import Rule
from sentinel.store.alerts.apply_evaluation import OPENING, apply
from sentinel.store.database.failures import of_the_database
from sentinel.store.notifications.door_canaries import apart, applied_alone, note_arrived
from sentinel.store.orchestration.passing import Came, Posted, orchestrated
from sentinel.store.rules.lock import lock_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MAPPED", "STEP", "Arrivals", "Message", "Sender", "apply_all", "arrive",
           "evaluation_of", "new_rule"]  # fmt: skip

log = logging.getLogger(__name__)

Sender = Literal[
    "prometheus", "alertmanager", "grafana", "api", "opsgenie", "pagerduty", "email", "nagios",
    "sentinel-drill",
]  # fmt: skip
"""Who alerts come from; also the name of the rule that they are readings of."""
_SAID: Mapping[str, str] = {
    "prometheus": "Alerts that Alertmanager sends to its webhook here.",
    "alertmanager": "Alerts that Prometheus and others send as to an Alertmanager.",
    "grafana": "Alerts that Grafana sends to its webhook here.",
    "api": "Alerts that programs create over HTTP.",
    "opsgenie": "Alerts that senders for Opsgenie create here.",
    "pagerduty": "Alerts of events that senders for PagerDuty send here.",
    "email": "Alerts that mails to Sentinel's addresses report.",
    "nagios": "Alerts of passive results of checks for Nagios and Icinga.",
    DRILL_RULE: "Fire drills of on-call, which count in no statistics.",
}
_TRIGGERS: Mapping[str, str] = {
    "prometheus": "prometheus_webhook", "alertmanager": "alertmanager_api",
    "grafana": "grafana_webhook", "api": POSTED_TRIGGER, "opsgenie": POSTED_TRIGGER,
    "pagerduty": POSTED_TRIGGER, "email": POSTED_TRIGGER, DRILL_RULE: POSTED_TRIGGER,
}  # fmt: skip
MAPPED = "intake-"
"""The rule of a mapping's alerts is called so, and then as the mapping."""
_GROUPED_BY: Mapping[str, str] = {
    "opsgenie": "alias", "pagerduty": "dedup_key", "email": "subject", "nagios": "host",
}  # fmt: skip
"""The label that the alerts of a group share; where it identifies, each pages alone."""
_TRIES = 20
STEP = timedelta(microseconds=1)
"""Between two evaluations of one rule."""
_MOST_WAITING = 10_000
"""Messages of one process; whoever sends another is to try again."""
_MOST_AT_ONCE = 50
"""Messages in one transaction, during which no other process can evaluate their rule."""
_MOST_READINGS = 2000


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts of one message.

    Attributes:
        sender: whose webhook it came over, a `Sender` or `MAPPED` and the name of a mapping; also
            the name of the rule
        tenant: of the rule
        readings: one for each alert
        gone: labels of alerts that are over although no reading says so
        not_repeated: what to do with its alerts that are not reported again; by default what the
            rule says, or what a sender with the usual repeat interval needs; nothing for
            those that are posted once, and for drills
        actor: who created its alerts, for the audit trail; empty for a system that reports what it
            sees
        held: of alerts that were held back and are due, the digests of what was posted, by
            fingerprint; those that are held back no longer do not pass. None for what arrives now
    """

    sender: str
    tenant: str
    readings: Sequence[Reading]
    gone: Sequence[Mapping[str, str]] = ()
    not_repeated: NotRepeated | None = None
    actor: str = ""
    held: Mapping[str, str] | None = None


class Arrivals:
    """The messages that came to one process and are not applied yet.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "arrivals")
        self._lock = Lock()
        self._waiting: deque[tuple[Message, Future[Applied]]] = deque()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    @property
    def closed(self) -> bool:
        """Whether no more messages are taken."""
        return self._closed

    def submit(self, message: Message) -> Future[Applied]:
        """Have a message applied after those before it.

        Args:
            message: of another system

        Returns:
            The result of its evaluation, once it is committed; else the error of `arrive`.

        Raises:
            DatabaseError: too many messages wait, or no more are taken
        """
        result: Future[Applied] = Future()
        with self._lock:
            if self._closed:
                raise DatabaseError(
                    "Sentinel's API stops", hint="Send it again later; nothing was written."
                )
            if len(self._waiting) >= _MOST_WAITING:
                raise DatabaseError(
                    f"{_MOST_WAITING:,} messages wait to be applied",
                    hint="Send it again later; nothing was written.",
                )
            self._waiting.append((message, result))
        # A call for each message: most find that an earlier one has taken theirs.
        with suppress(RuntimeError):  # closed just now: `close` applies what waits
            self._thread.submit(self._apply_some)
        return result

    def close(self) -> None:
        """Apply the messages that wait, take no more, and end the thread."""
        with self._lock:
            self._closed = True
        self._thread.shutdown(wait=True)
        while self._waiting:
            self._apply_some()

    def _apply_some(self) -> None:
        some = self._next()
        if not some:
            return
        try:
            done = apply_all(self._store, [message for message, _ in some])
        except Exception as error:  # noqa: BLE001 - it is raised where the message's answer is awaited
            # Each alone would meet what all met: of 50 messages, with a locked database, 50 waits.
            if len(some) == 1 or of_the_database(error):
                for _, result in some:
                    result.set_exception(error)
                return
            # One of them may be to blame: the others are not to suffer from it.
            for message, result in some:
                self._apply_one(message, result)
            return
        for (_, result), applied in zip(some, done, strict=True):
            result.set_result(applied)

    def _apply_one(self, message: Message, result: Future[Applied]) -> None:
        try:
            (applied,) = apply_all(self._store, [message])
        except Exception as error:  # noqa: BLE001 - as above
            result.set_exception(error)
        else:
            result.set_result(applied)

    def _next(self) -> list[tuple[Message, Future[Applied]]]:
        """Take the first messages that wait, of one rule."""
        some: list[tuple[Message, Future[Applied]]] = []
        readings = 0
        with self._lock:
            while self._waiting and len(some) < _MOST_AT_ONCE:
                message = self._waiting[0][0]
                readings += len(message.readings)
                if some and _rule_of(message) != _rule_of(some[0][0]):
                    break
                if some and readings > _MOST_READINGS:
                    break
                some.append(self._waiting.popleft())
        return some


def arrive(store: Store, message: Message) -> Applied:
    """Apply the alerts of another system as one evaluation of that sender's rule.

    Args:
        store: the shared database
        message: of another system

    Returns:
        The result of the evaluation.

    Raises:
        DatabaseError: too many messages at once; nothing was written, and it is safe to retry
    """
    return apply_all(store, [message])[0]


class _Stale(Exception):
    """A later evaluation of the rule is stored."""


def apply_all(store: Store, messages: Sequence[Message]) -> list[Applied]:
    """Apply messages to one rule in one transaction.

    Messages may arrive at several processes. Evaluations of a rule are ordered, so those that are
    stale because a later one is stored are tried again with the next moments.

    Args:
        store: the shared database
        messages: of one sender and tenant, in the order of their arrival

    Returns:
        The result of each.

    Raises:
        DatabaseError: others came all the while; nothing was written
    """

    def work(connection: Connection) -> list[Applied]:
        done: list[Applied] = []
        for message, when in zip(messages, moments, strict=True):
            readings, canaries = apart(connection, sender, message.readings)
            if canaries and not (readings or message.gone):
                done.append(applied_alone(connection, (tenant, sender), canaries, store.now()))
                continue
            message = msgspec.structs.replace(message, readings=readings)
            passing = pass_orchestration(store, connection, message)
            evaluation = evaluation_of(passing, rule, when)
            done.append(apply(store, connection, evaluation))
            if done[-1].outcome == "stale":
                raise _Stale
            for marker in canaries if done[-1].outcome in ("ok", "firing") else ():
                note_arrived(connection, marker, store.now())
            if message.actor:
                _record_created(store, connection, passing, done[-1])
        return done

    sender, tenant = _rule_of(messages[0])
    for _ in range(_TRIES):
        at = store.now()
        rule, last = _rule(store, sender, tenant)
        if last is not None and last >= at:
            at = last + STEP
        moments = [at + number * STEP for number in range(len(messages))]
        try:
            done = store.in_transaction(work)
        except _Stale:
            continue
        log.debug("%d messages of %s for %s", len(done), sender, tenant)
        return done
    raise DatabaseError(
        f"too many messages of {sender} came at once", hint="Send it again; nothing was written."
    )


def pass_orchestration(store: Store, connection: Connection, message: Message) -> Message:
    """Return a message as orchestration lets it pass, and note what became of each alert.

    Args:
        store: the shared database
        connection: the writing transaction that applies the message
        message: as its door made it

    Returns:
        The message with the readings to apply.
    """
    lock_rules(connection, [(message.tenant, message.sender)])
    passing = orchestrated(store, connection, message.tenant, message.sender)
    if passing is None:
        return message
    held = message.held
    posted = [
        Posted(print_, one, "" if held is None else held.get(print_, ""))
        for one in map(checked, message.readings)
        for print_ in (fingerprint(message.tenant, message.sender, one.labels),)
    ]
    gone = [fingerprint(message.tenant, message.sender, one) for one in message.gone]
    passing.load([*(one.source for one in posted), *gone])
    if held is not None:
        posted = [one for one in posted if passing.is_held(one.source)]
    readings = passing.take(posted)
    over = [found for one in message.gone if (found := passing.gone(one)) is not None]
    passing.save()
    if message.actor:
        _record_kept(store, connection, message, passing.newly_kept)
    return msgspec.structs.replace(message, readings=readings, gone=over)


def _record_kept(store: Store, connection: Connection, message: Message, kept: list[Came]) -> None:
    """Write the audit rows of the alerts that somebody posted and that did not open."""
    for came in kept:
        after = {"labels": came.given["labels"], "version": came.version, "rule": came.rule}
        change = Change(
            action=f"orchestration.{came.state}", object_kind="orchestration",
            object_id=came.source, object_name=came.given["title"], tenant=message.tenant,
            after=after | ({} if came.due_at is None else {"until": came.due_at.isoformat()}),
        )  # fmt: skip
        store.audit.add(connection, change, actor=message.actor)


def _record_created(store: Store, connection: Connection, message: Message, done: Applied) -> None:
    """Write the audit rows of the alerts that a message opened, one for each."""
    if not message.readings:
        return  # held back or dropped
    (reading,) = message.readings
    for one in done.changes:
        if one.reason not in OPENING:
            continue
        after = {
            "status": one.status, "severity": reading.severity, "labels": reading.labels,
            "team": reading.team,
        }  # fmt: skip
        change = Change(
            action="alert.created", object_kind="alert", object_id=one.alert_id,
            object_name=one.title, tenant=message.tenant,
            after={name: value for name, value in after.items() if value},
        )  # fmt: skip
        store.audit.add(connection, change, actor=message.actor)


def _rule_of(message: Message) -> tuple[str, str]:
    return message.sender, message.tenant


def _trigger_of(sender: str) -> str:
    return _TRIGGERS.get(sender, POSTED_TRIGGER)


def _said_of(sender: str) -> str:
    mapped = f"Alerts that the mapping {sender.removeprefix(MAPPED)} makes of what is posted."
    return _SAID.get(sender, mapped)


def evaluation_of(message: Message, rule: Rule, at: datetime) -> Evaluation:
    """Return the evaluation of a sender's rule that a message is, at a moment."""
    terms = message.not_repeated or rule.not_repeated
    if _trigger_of(message.sender) != POSTED_TRIGGER:  # who posts says once what is to be said
        terms = terms or NotRepeated()
    return Evaluation(
        rule=rule.model_copy(update={"not_repeated": terms}),
        trigger=_trigger_of(message.sender),
        slot=at,
        at=at,
        observation=Observation(
            readings=list(message.readings),
            gone=[(labels, "not_reported") for labels in message.gone],
        ),
        default_category="general",
        partial=True,
    )


def new_rule(sender: str, tenant: str) -> Rule:
    """Return the rule of a sender that has sent nothing yet."""
    by = _GROUPED_BY.get(sender, "alertname")
    return Rule(name=sender, tenant=tenant, description=_said_of(sender), group_by=["rule", by])


def _rule(store: Store, sender: str, tenant: str) -> tuple[Rule, datetime | None]:
    """Return the sender's rule as stored, or a new one, and the time of its last evaluation."""
    try:
        row = store.rules.get(sender, tenant)
    except NotFound:
        return new_rule(sender, tenant), None
    moments = [one for one in (row.slot, row.evaluated_at) if one is not None]
    return Rule.model_validate({**row.spec, "name": sender}), max(moments, default=None)
