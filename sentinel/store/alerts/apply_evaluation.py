"""One evaluation, one transaction: alerts, timeline, groups, rule state, outbox and wake.

The rule's row is locked first, so that two evaluations of one rule follow each other; an
evaluation that is older than the last applied, or the same again, writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row

from sentinel.alerts.events import ALERT_EVENTS, MOST_EVENTS, alert_event, batch_event, related
from sentinel.alerts.inputs import Bad, Ended, Good, Status
from sentinel.alerts.lifecycle import step
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Terms, Transition
from sentinel.checks.reading import Reading
from sentinel.clock import utc
from sentinel.errors import ReadingError
from sentinel.evaluation.alert_text import error_reading, error_text, headline, wording
from sentinel.evaluation.evaluator import EvaluationResult, evaluate
from sentinel.evaluation.judge import Judged
from sentinel.evaluation.model import AlertChange, Applied, Evaluation
from sentinel.labels.fingerprint import fingerprint
from sentinel.notifications.grouping import membership
from sentinel.prefect_client.port import OutEvent
from sentinel.rules.remediation import Remediation, remediation_row
from sentinel.schema.columns import new_id
from sentinel.severity import Severity, severity_of
from sentinel.store.alerts.alert_rows import NewAlerts, searched, words_moved
from sentinel.store.alerts.loading import load_live, load_recent, load_suppressed, usual_terms
from sentinel.store.alerts.write_batch import WriteBatch
from sentinel.store.database.bulk import uncollected
from sentinel.store.database.tables import RULE
from sentinel.store.notifications.groups import Fired, GroupChanges
from sentinel.store.rules.condition_state import load_memory, save_memory
from sentinel.store.rules.remediation import request_remediations
from sentinel.store.rules.rules import ensure_row, refusal
from sentinel.template import placeholders

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MANY", "apply"]

MANY = 2000
"""From so many known alerts on, new ones are written beside the look at the others."""
_OPENING = (Reason.OPENED, Reason.REOPENED_SOON, Reason.REOPENED_STILL_FIRING)


def apply(store: Store, connection: Connection, evaluation: Evaluation) -> Applied:
    """Carry `evaluation` into the database, as a whole or not at all.

    Args:
        store: whose clock and settings hold
        connection: an open writing transaction
        evaluation: what a run of a rule saw
    """
    now = store.now()
    evaluation = msgspec.structs.replace(
        evaluation, slot=utc(evaluation.slot), at=utc(evaluation.at)
    )
    row = ensure_row(store, connection, evaluation, now)
    why = refusal(row, evaluation.rule, evaluation.slot, evaluation.at)
    if why:
        return Applied(outcome=why)
    with uncollected(evaluation.observation.size):
        return _Application(store, connection, evaluation, row, now).carry_out()


class _Application:
    """One evaluation on its way into the database."""

    def __init__(
        self,
        store: Store,
        connection: Connection,
        evaluation: Evaluation,
        row: Row[Any],
        now: datetime,
    ) -> None:
        self.store = store
        self.connection = connection
        self.evaluation = evaluation
        self.rule = evaluation.rule
        self.row = row
        self.now = now
        self.category = self.rule.category or evaluation.default_category
        self.about = related(evaluation.source)
        self.group_changes = GroupChanges(store, connection, self.about)
        self.writes = WriteBatch()
        self.titles: dict[str, str] = {}
        self.remediations: list[dict[str, Any]] = []
        self.open = 0
        self.events: list[OutEvent] = []
        self.counts: Counter[str] = Counter()
        self.changes: list[AlertChange] = []
        self.changed = 0
        self.opened = NewAlerts(evaluation, self.category, now)
        self.suppressed: dict[str, tuple[datetime, str]] = {}
        # Whether a description or an annotation says something that each reading may change.
        texts = {"description": self.rule.description, **self.rule.annotations}
        self.moving = any(placeholders(text) for name, text in texts.items() if name != "summary")

    def carry_out(self) -> Applied:
        known = load_live(self.connection, self.rule)
        self.titles = known.titles
        live, checks = known.series, known.checks
        memory = load_memory(self.connection, self.rule)
        error: Exception | None = self.evaluation.observation.error
        try:
            outlook = evaluate(self.evaluation, live, memory)
        except ReadingError as nonsense:
            outlook, error = (
                EvaluationResult(judged={}, verdicts={}, memory=memory),
                error or nonsense,
            )
        judged = outlook.judged
        failures = self.row.failures + 1 if error is not None else 0
        self.suppressed = load_suppressed(self.connection, self.rule, self.now)
        self._series(outlook, live)
        save_memory(self.connection, self.rule, memory, outlook.memory, self.now)
        self._check(error, failures, checks)
        self._write()
        bad = sum(1 for one in judged.values() if isinstance(one.verdict, Bad))
        if judged and self.evaluation.keeps_readings and self.rule.keep_readings:
            self.store.metrics.keep_readings(self.connection, self.evaluation, judged)
        # What was not seen keeps its state, so it still fires.
        verdicts, ended = outlook.verdicts, outlook.ended
        said_of = {*verdicts, *ended} if ended else verdicts
        self.open += sum(
            1
            for key, one in live.items()
            if key not in said_of and one.status is not Status.PENDING
        )
        working = "firing" if self.open else "ok"
        outcome = "error" if error is not None else working
        observation = self.evaluation.observation
        seen = len(judged) if observation.table is None else observation.size
        self._close(outcome, bad, seen, failures, error)
        return Applied(
            outcome=outcome,
            seen=self.evaluation.observation.size,
            bad=bad,
            live=self.open,
            changed=self.changed,
            changes=self.changes,
            error="" if error is None else error_text(error),
        )

    def _series(self, outlook: EvaluationResult, live: Mapping[str, AlertState]) -> None:
        usual, judged = usual_terms(self.rule, self.store.options), outlook.verdicts
        at_once = Terms(reopen_within=usual.reopen_within)
        fresh = any(isinstance(one.verdict, Bad) and key not in live for key, one in judged.items())
        pending = any(state.status is Status.PENDING for state in live.values())
        recent = (
            load_recent(self.connection, self.rule, self.now, self.store.options)
            if fresh or pending
            else {}
        )
        known: list[tuple[AlertState, str, Judged]] = []
        for print_, one in judged.items():
            alert = live.get(print_)
            if alert is not None:
                known.append((alert, print_, one))
            elif isinstance(one.verdict, Bad):
                terms = at_once if print_ in outlook.own else usual
                become = step(None, recent.get(print_), one.verdict, self.now, terms, new_id())
                self._take(become, None, print_, one.reading, "rule")
        # New rows cost the database the most, so it gets them while the others are looked at.
        many = len(known) >= MANY and bool(self.writes)
        with self.writes.beside(self.connection) if many else nullcontext():
            for alert, print_, one in known:
                terms = at_once if print_ in outlook.own else usual
                become = step(alert, recent.get(print_), one.verdict, self.now, terms)
                self._take(become, alert, print_, one.reading, "rule")
        for print_ in outlook.ended:
            become = step(live[print_], None, Ended(reason=Reason.NO_DATA), self.now, usual)
            self._take(become, live[print_], print_, None, "rule")

    def _check(
        self, error: Exception | None, failures: int, checks: Mapping[str, AlertState]
    ) -> None:
        """A check that fails, or works again, is an alert about its source."""
        terms = Terms(reopen_within=self.store.options.reopen_within)
        at = self.evaluation.at
        if error is None:
            for print_, alert in checks.items():
                become = step(alert, None, Good(at=at), self.now, terms)
                self._take(become, alert, print_, None, "check")
            return
        reading = error_reading(self.rule, error)
        print_ = fingerprint(self.rule.tenant, self.rule.name, reading.labels)
        if failures < self.rule.errors.after and print_ not in checks:
            return
        word = self.rule.errors.severity
        bad = Bad(at=at, severity=int(severity_of(word)), word=word)
        alert = checks.get(print_)
        recent = (
            load_recent(self.connection, self.rule, self.now, self.store.options).get(print_)
            if alert is None
            else None
        )
        made = new_id() if alert is None else ""
        become = step(alert, recent, bad, self.now, terms, made)
        self._take(become, alert, print_, reading, "check")

    def _take(
        self,
        become: Transition,
        alert: AlertState | None,
        print_: str,
        reading: Reading | None,
        source: str,
    ) -> None:
        """Put down what one transition writes."""
        state, reason = become.state, become.reason
        if become.drop is not None:
            self.writes.drop(become.drop)
        if state is None:
            return
        if state.status in (Status.OPEN, Status.ACKNOWLEDGED) and source == "rule":
            self.open += 1
        title = self.titles.get(state.id, "")
        if state.status is Status.RESOLVED:
            # A good value says nothing about what was bad, so the words stay.
            self.writes.over(state)
        elif reading is None or reason is Reason.KEPT_FIRING:
            self.writes.state(state)
        elif reason in (Reason.STILL_FIRING, Reason.REPEATED):
            # The most frequent case by far, so it makes and writes no more than what moved.
            rule, unit, at = self.rule, self.evaluation.unit, self.evaluation.at
            before, description = title, rule.annotations.get("description", rule.description)
            if self.moving or reading.details:
                texts = wording(rule, reading, state.word, unit, at)
                title, description = texts[:2]
                self.writes.facts(state.id, reading, texts)
            else:
                title = headline(rule, reading, state.word, unit, at)
            self.writes.still(
                state,
                reading.value,
                None if title == before else title,
                searched(title, description) if words_moved(before, title) else None,
                again=reason is Reason.REPEATED,
            )
        else:
            rule, unit, at = self.rule, self.evaluation.unit, self.evaluation.at
            texts = wording(rule, reading, state.word, unit, at)
            title = texts[0]
            if alert is None and state.version == 1:
                until, why = self.suppressed.get(print_, (None, ""))
                if until is not None:
                    state = msgspec.structs.replace(
                        state, suppressed_until=until, suppress_reason=why
                    )
                self.writes.insert(self.opened.row(state, print_, source, reading, texts))
            else:
                self.writes.state(state)
                run = self.evaluation.source
                ids = (run.flow_run_id, run.flow_run_name, run.deployment_id)
                self.writes.wording(state.id, reading, texts, ids)
        if become.visible:
            self._tell(become, state, reading, title, source)

    def _tell(
        self,
        become: Transition,
        state: AlertState,
        reading: Reading | None,
        title: str,
        source: str,
    ) -> None:
        """Timeline, group and event of a change that people see."""
        reason = become.reason
        self.changed += 1
        value = None if reading is None else reading.value
        self.writes.entry(
            state,
            at=self.now,
            kind=ALERT_EVENTS[reason],
            reason=str(reason),
            value=value,
            flow_run_id=self.evaluation.source.flow_run_id,
        )
        if reason in _OPENING:
            labels: Mapping[str, str] = {} if reading is None else reading.labels
            home = membership(self.rule, labels, self.category, check=source == "check")
            # Its row is new in this transaction, or it was pending, in no group yet.
            fresh = reason is Reason.OPENED
            self.group_changes.fired.append(Fired(state.id, title, state.severity, home, fresh))
            if self.rule.remediate is not None and source == "rule":
                self._remediation(self.rule.remediate, state, title, value, labels)
        elif state.status is Status.RESOLVED:
            quietly = reason is Reason.NO_DATA
            ended = self.group_changes.ended_quietly if quietly else self.group_changes.resolved
            ended.append(state.id)
        else:
            self.group_changes.touched.append(state.id)
        self.counts[ALERT_EVENTS[reason]] += 1
        if len(self.events) < MOST_EVENTS:
            self.events.append(self._event(reason, state, title, value, reading))
            self.changes.append(
                AlertChange(
                    alert_id=state.id, title=title or state.id, reason=str(reason),
                    severity=Severity(state.severity).word, status=state.status.value,
                )
            )  # fmt: skip

    def _remediation(
        self, wanted: Remediation, state: AlertState, title: str, value: Any,
        labels: Mapping[str, str],
    ) -> None:  # fmt: skip
        told = {"severity": state.word, "title": title, "value": "" if value is None else value}
        names = {"alert_id": state.id, "tenant": self.rule.tenant, "rule": self.rule.name}
        self.remediations.append(remediation_row(wanted, **names, fields={**labels, **told}))

    def _event(
        self,
        reason: Reason,
        state: AlertState,
        title: str,
        value: float | None,
        reading: Reading | None,
    ) -> OutEvent:
        return alert_event(
            reason,
            alert_id=state.id,
            version=state.version,
            at=self.now,
            title=title or self.rule.name,
            labels={
                "severity": Severity(state.severity).word,
                "rule": self.rule.name,
                "category": self.category,
                "team": self.rule.team,
                "tenant": self.rule.tenant,
            },
            payload={
                "status": state.status.value,
                "value": value,
                "labels": {} if reading is None else dict(reading.labels),
            },
            about=self.about,
        )

    def _write(self) -> None:
        connection = self.connection
        self.writes.write(connection)
        group_events, due_now = self.group_changes.carry_out(self.now)
        events = [self._batch()] if self.changed > MOST_EVENTS else self.events
        self.store.outbox.add(connection, [*group_events, *events])
        request_remediations(self.store, connection, self.remediations, self.now)
        if due_now:
            self.store.wakes.request(connection, self.now)

    def _batch(self) -> OutEvent:
        return batch_event(
            self.rule.name,
            self.rule.tenant,
            self.evaluation.slot.isoformat(),
            self.now,
            self.counts,
            self.about,
        )

    def _close(
        self, outcome: str, bad: int, seen: int, failures: int, error: Exception | None
    ) -> None:
        """Leave on the rule's row what the next evaluation starts from."""
        evaluation, source = self.evaluation, self.evaluation.source
        values: dict[str, Any] = {
            "spec": self.rule.dump(),
            "trigger": evaluation.trigger,
            "category": self.category,
            "severity": int(self.rule.rank),
            "deployment_id": source.deployment_id or self.row.deployment_id,
            "flow_id": source.flow_id or self.row.flow_id,
            "flow_name": source.flow_name or self.row.flow_name,
            "source": source.owner,
            "slot": evaluation.slot,
            "evaluated_at": evaluation.at,
            "flow_run_id": source.flow_run_id,
            "outcome": outcome,
            "seen": seen,
            "bad": bad,
            "failures": failures,
            "error": "" if error is None else error_text(error)[:4000],
            "evaluations": self.row.evaluations + 1,
            "updated_at": self.now,
        }
        if error is None and evaluation.observation.state is not None:
            values["state"] = evaluation.observation.state
        self.connection.execute(
            RULE.update()
            .where(RULE.c.tenant == self.rule.tenant, RULE.c.name == self.rule.name)
            .values(**values)
        )
        if self.writes or outcome != self.row.outcome:
            self.store.changed(self.connection)
