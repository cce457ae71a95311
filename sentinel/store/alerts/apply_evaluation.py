"""One evaluation, one transaction: alerts, timeline, groups, rule state, outbox and wake.

The rule's row is locked first, so that two evaluations of one rule follow each other; an
evaluation that is older than the last applied, or the same again, writes nothing. What an
evaluation means for alerts is decided by `sentinel.evaluation` and `sentinel.alerts.lifecycle`;
what is written for it, in `unit_of_work`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row

from sentinel.alerts.events import MOST_EVENTS, related
from sentinel.alerts.inputs import Bad, Closed, Good, Status
from sentinel.alerts.lifecycle import step
from sentinel.alerts.reasons import Reason
from sentinel.alerts.state import AlertState, Terms, Transition, acknowledged
from sentinel.checks.reading import Reading
from sentinel.clock import utc
from sentinel.errors import ReadingError
from sentinel.evaluation.active_limit import ALWAYS
from sentinel.evaluation.alert_text import error_reading, error_text, headline, wording
from sentinel.evaluation.evaluator import EvaluationResult, evaluate
from sentinel.evaluation.findings import worst_finding
from sentinel.evaluation.judge import Judged
from sentinel.evaluation.model import AlertChange, Applied, Evaluation
from sentinel.labels.fingerprint import fingerprint
from sentinel.notifications.routing import facts_of, memberships
from sentinel.rules.remediation import Remediation, remediation_row
from sentinel.schema.columns import new_id
from sentinel.severity import Severity, severity_of
from sentinel.store.alerts import loading
from sentinel.store.alerts.active_limit import within_limit
from sentinel.store.alerts.alert_rows import NewAlerts, searched, words_moved
from sentinel.store.alerts.apply_action import expire_before
from sentinel.store.alerts.episode_ends import load_ends, save_ends
from sentinel.store.alerts.holds import end_holds, load_held
from sentinel.store.alerts.known import Known, load_known
from sentinel.store.alerts.muted import Muted, load_muted
from sentinel.store.alerts.unit_of_work import Origin, UnitOfWork
from sentinel.store.database.bulk import uncollected
from sentinel.store.rules.condition_state import save_memory
from sentinel.store.rules.evaluated import has_old_texts, texts_in, texts_of, write_evaluated
from sentinel.store.rules.rows import ensure_row, refusal
from sentinel.template import placeholders
from sentinel.timing.schedule import slot_judged

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MANY", "OPENING", "apply", "collect"]

MANY = 2000
"""From so many known alerts on, new ones are written while the others are evaluated."""
OPENING = (Reason.OPENED, Reason.REOPENED_SOON, Reason.REOPENED_STILL_FIRING)
"""Reasons for which an alert opens, anew or again."""


def apply(store: Store, connection: Connection, evaluation: Evaluation) -> Applied:
    """Write what `evaluation` changes, as a whole or not at all.

    Args:
        store: whose clock and settings hold
        connection: an open writing transaction
        evaluation: what a run of a rule saw

    Returns:
        What came of it; with outcome disabled, stale or collapsed nothing was written.
    """
    now, slot, at = store.now(), utc(evaluation.slot), utc(evaluation.at)
    row = ensure_row(store, connection, evaluation, now)
    if row is None:
        return Applied(outcome="disabled")
    why = refusal(row, evaluation.rule, slot, at)
    if why:
        return Applied(outcome=why)
    slot = slot_judged(slot, at, every=evaluation.rule.every, last=row.slot)
    evaluation = msgspec.structs.replace(evaluation, slot=slot, at=at)
    unit = UnitOfWork(store, connection, now, slot=slot, about=related(evaluation.source))
    if evaluation.rule.resolve_after is not None:
        expire_before(unit, evaluation.rule, slot)
    with uncollected(evaluation.observation.size):
        applied = collect(unit, evaluation, row)
        unit.commit()
    return applied


def collect(
    unit: UnitOfWork, evaluation: Evaluation, row: Row[Any], *, takes_slot: bool = True,
    known: Known | None = None,
) -> Applied:  # fmt: skip
    """Collect in `unit` what `evaluation` changes about alerts, and write what its rule keeps.

    Args:
        unit: the caller commits it
        evaluation: what was seen, all moments in UTC
        row: the rule's, locked and enabled
        takes_slot: whether a scheduled run of the same slot or an earlier one is stale from now on
        known: what is stored of the rule, where it was read with that of others

    Returns:
        What came of it.
    """
    return _EvaluatedRule(unit, evaluation, row).collect(known, takes_slot=takes_slot)


class _EvaluatedRule:
    """The alerts of one rule under one evaluation."""

    def __init__(self, unit: UnitOfWork, evaluation: Evaluation, row: Row[Any]) -> None:
        self.unit = unit
        self.store, self.connection, self.now = unit.store, unit.connection, unit.now
        self.evaluation = evaluation
        self.rule = rule = evaluation.rule
        self.row = row
        self.category = rule.category or evaluation.default_category
        self.origin = Origin(rule.tenant, rule.name, self.category, rule.team)
        self.titles: dict[str, str] = {}
        self.detailed: set[str] = set()
        self.words: dict[str, str] = {}
        self.prints: list[str] | None = None
        self.changes: list[AlertChange] = []
        self.open = self.changed = self.late = 0

    @cached_property
    def new_alerts(self) -> NewAlerts:
        """The rows of those that open."""
        return NewAlerts(self.evaluation, self.category, self.now)

    @cached_property
    def muted(self) -> Muted:
        """What mutes alerts that open."""
        return load_muted(self.connection, self.rule.tenant, self.rule.name, self.now)

    @cached_property
    def texts_move(self) -> bool:
        """Whether a description or an annotation may say something else than before."""
        texts = texts_of(self.rule)
        if texts != texts_in(self.row.spec):
            return True  # the rule was edited
        return any(placeholders(text) for name, text in texts.items() if name != "summary")

    def collect(self, known: Known | None, *, takes_slot: bool) -> Applied:
        rule, connection = self.rule, self.connection
        prints = self.prints = loading.named_prints(self.evaluation)
        live, memory = known or load_known(connection, rule, prints)
        self.titles, self.detailed, self.words = live.titles, live.detailed, live.words
        held = load_held(self.unit, rule, self.row, self.evaluation.slot, prints)
        error, observation = self.evaluation.observation.error, self.evaluation.observation
        try:
            result = evaluate(self.evaluation, live.series, memory, held)
            if prints is not None or len(live.series) + len(result.verdicts) > ALWAYS:
                result = within_limit(self.unit, self.evaluation, result, live.series, prints)
        except ReadingError as nonsense:
            result = EvaluationResult(judged={}, verdicts={}, memory=memory)
            error = error or nonsense
        failures = self.row.failures + 1 if error is not None else 0
        self._series(result, live.series, held)
        save_memory(connection, rule, memory, result.memory, self.now)
        if error is not None:
            self._check_failed(error, failures, live.checks)
        elif live.checks:
            self._check_works(live.checks)
        judged = result.judged
        if judged and self.evaluation.keeps_readings and rule.keep_readings:
            later = None if self.unit.rule_rows is None else self.unit.blocks
            self.store.metrics.keep_readings(connection, self.evaluation, judged, later)
        bad, worst = worst_finding(self.evaluation, judged.values())
        others = bool(prints) and not self.open and loading.other_open(connection, rule, prints)
        outcome = "firing" if self.open or others else "ok"
        applied = Applied(
            outcome="error" if error is not None else outcome, seen=observation.size, bad=bad,
            live=self.open, changed=self.changed, late=self.late, changes=self.changes, worst=worst,
            error="" if error is None else error_text(error),
        )  # fmt: skip
        seen = len(judged) if observation.table is None else observation.size
        write_evaluated(
            self.unit, self.evaluation, self.row, applied, category=self.category, seen=seen,
            failures=failures, takes_slot=takes_slot,
        )  # fmt: skip
        if applied.outcome != self.row.outcome:
            self.unit.is_news = True
        return applied

    def _series(
        self, result: EvaluationResult, live: Mapping[str, AlertState],
        held: Mapping[str, AlertState],
    ) -> None:  # fmt: skip
        """Take the verdicts to the alerts of their series."""
        usual = loading.usual_terms(self.rule, self.store.options)
        at_once = Terms(reopen_within=usual.reopen_within)
        own, verdicts, slot = result.own, result.verdicts, self.evaluation.slot
        known: list[tuple[AlertState, str, Judged]] = []
        fresh: list[tuple[str, Judged]] = []
        dated: list[str] = []
        closed: dict[str, datetime] = {}
        pending = False
        for print_, one in verdicts.items():
            alert = live.get(print_)
            if alert is not None:
                known.append((alert, print_, one))
                pending = pending or alert.status is Status.PENDING
            elif isinstance(one.verdict, Bad):
                fresh.append((print_, one))
                if one.verdict.started is not None:
                    dated.append(print_)
            if isinstance(one.verdict, Good) and one.verdict.ended is not None:
                closed[print_] = one.verdict.ended
        end_holds(self.unit, held, verdicts, usual)
        recent: Mapping[str, AlertState] = {}
        if fresh or pending:
            recent = self._recent(live.values())
        options = self.store.options
        within = max(options.reopen_within, options.hold_after_manual_resolve)
        ends = load_ends(self.connection, dated, self.now, within) if dated else {}
        for print_, one in fresh:
            terms = at_once if print_ in own else usual
            become = step(
                None, recent.get(print_), one.verdict, self.now, terms, new_id(),
                ended=ends.get(print_),
            )  # fmt: skip
            self._take(become, None, print_, one.reading, "rule")
        save_ends(self.connection, self.rule, closed, self.now, within)
        # New rows cost the database the most, so it gets them while the others are evaluated.
        alerts = self.unit.alerts
        many = len(known) >= MANY and bool(alerts)
        with alerts.overlapped(self.connection) if many else nullcontext():
            for alert, print_, one in known:
                terms = at_once if print_ in own else usual
                become = step(alert, recent.get(print_), one.verdict, self.now, terms)
                self._take(become, alert, print_, one.reading, "rule")
        for print_ in result.ended:
            become = step(live[print_], None, Closed(reason=Reason.NO_DATA), slot, usual)
            self._take(become, live[print_], print_, None, "rule")
        for print_, alert in live.items():
            # What was not seen keeps its state, so it still fires.
            if print_ not in verdicts and alert.status is not Status.PENDING:
                self.open += print_ not in result.ended

    def _recent(self, live: Iterable[AlertState]) -> Mapping[str, AlertState]:
        """Return the resolved alerts that those of this evaluation may reopen or be held by."""
        first = min((one.first_bad_at for one in live if one.opened_at is None), default=None)
        slot = self.evaluation.slot
        since = slot if first is None else min(first, slot)
        return loading.load_recent(
            self.connection, self.rule, since, self.store.options, self.prints, self.words
        )

    def _check_works(self, checks: Mapping[str, AlertState]) -> None:
        """Resolve the alerts that say that the check fails."""
        good = Good(at=self.evaluation.slot)
        for print_, alert in checks.items():
            become = step(alert, None, good, self.now, self._check_terms())
            self._take(become, alert, print_, None, "check")

    def _check_failed(
        self, error: Exception, failures: int, checks: Mapping[str, AlertState]
    ) -> None:
        """Open an alert about the source of a check that failed often enough, or keep it open."""
        rule = self.rule
        reading = error_reading(rule, error)
        print_ = fingerprint(rule.tenant, rule.name, reading.labels)
        alert, recent = checks.get(print_), None
        if alert is None:
            if failures < rule.errors.after:
                return
            recent = self._recent(()).get(print_)
        word = rule.errors.severity
        bad = Bad(
            at=self.evaluation.slot, severity=int(severity_of(word)), word=word,
            occurrences=failures if alert is None else 1,
        )  # fmt: skip
        become = step(
            alert, recent, bad, self.now, self._check_terms(), new_id() if alert is None else ""
        )
        self._take(become, alert, print_, reading, "check")

    def _check_terms(self) -> Terms:
        return Terms(reopen_within=self.store.options.reopen_within)

    def _take(
        self,
        become: Transition,
        alert: AlertState | None,
        print_: str,
        reading: Reading | None,
        source: str,
    ) -> None:
        """Collect what one transition writes."""
        state, reason, alerts = become.state, become.reason, self.unit.alerts
        if become.drop is not None:
            alerts.drop(become.drop)
        self.late += reason is Reason.ARRIVED_LATE
        if state is None:
            return
        if state.status in (Status.OPEN, Status.ACKNOWLEDGED) and source == "rule":
            self.open += 1
        title = self.titles.get(state.id, "")
        if state.status is Status.RESOLVED:
            # A good value says nothing about what was bad, so the words stay.
            alerts.resolved(state)
        elif reason is Reason.ARRIVED_LATE:
            pass  # what is live stays as it is
        elif reading is None or reason is Reason.KEPT_FIRING:
            alerts.state(state)
        elif reason in (Reason.STILL_FIRING, Reason.REPEATED) and (
            alert is None
            or (alert.started_at == state.started_at and alert.good_since == state.good_since)
        ):
            # The most frequent case by far, so it makes and writes no more than what moved.
            rule, unit, at = self.rule, self.evaluation.unit, self.evaluation.slot
            before, description = title, rule.annotations.get("description", rule.description)
            moved = self.texts_move or has_old_texts(self.row, alert)
            if reading.details or moved or state.id in self.detailed:
                texts = wording(rule, reading, state.word, unit, at)
                title, description = texts[:2]
                alerts.facts(state.id, reading, texts)
            else:
                title = headline(rule, reading, state.word, unit, at)
            alerts.still(
                state,
                reading.value,
                None if title == before else title,
                searched(title, description) if words_moved(before, title) else None,
                again=reason is Reason.REPEATED,
            )
        else:
            rule, unit, at = self.rule, self.evaluation.unit, self.evaluation.slot
            texts = wording(rule, reading, state.word, unit, at)
            title = texts[0]
            is_new = alert is None and state.version == 1
            if is_new or reason in OPENING:
                state = self.muted.applied(state, print_)
            if is_new:
                alerts.insert(self.new_alerts.row(state, print_, source, reading, texts))
            else:
                run = self.evaluation.source
                ids = (run.flow_run_id, run.flow_run_name, run.deployment_id)
                alerts.worded(state, reading, texts, ids, self.words.get(state.id))
        if become.visible:
            void = alert if reason is Reason.ACKNOWLEDGEMENT_VOID else None
            self._record(become, state, reading, title, source, void)

    def _record(
        self,
        become: Transition,
        state: AlertState,
        reading: Reading | None,
        title: str,
        source: str,
        void: AlertState | None,
    ) -> None:
        """Collect what a change that people see writes beside the alert's row."""
        reason, rule = become.reason, self.rule
        labels: Mapping[str, str] = {} if reading is None else reading.labels
        value = None if reading is None else reading.value
        joins = ()
        origin = self.origin
        if reading is not None and not rule.team:
            origin = origin._replace(team=reading.team)
        if reason in OPENING:
            joins = memberships(
                self.unit.routes, rule, labels, self.category, source == "check", origin.team,
                state.word, facts_of(reading and reading.details, self.evaluation.source),
            )  # fmt: skip
            if rule.remediate is not None and source == "rule":
                self._remediate(rule.remediate, state, title, value, labels)
        self.unit.record(
            become, state, origin, title, joins=joins, value=value, labels=labels,
            comment="" if void is None else acknowledged(void),
            flow_run_id=self.evaluation.source.flow_run_id,
        )  # fmt: skip
        self.changed += 1
        if self.changed <= MOST_EVENTS:
            self.changes.append(
                AlertChange(
                    alert_id=state.id, title=title or state.id, reason=str(reason),
                    severity=Severity(state.severity).word, status=state.status.value,
                )
            )  # fmt: skip

    def _remediate(
        self, remediation: Remediation, state: AlertState, title: str, value: float | None,
        labels: Mapping[str, str],
    ) -> None:  # fmt: skip
        shown = {"severity": state.word, "title": title, "value": "" if value is None else value}
        names = {"alert_id": state.id, "tenant": self.rule.tenant, "rule": self.rule.name}
        self.unit.remediations.append(
            remediation_row(remediation, **names, fields={**labels, **shown})
        )
