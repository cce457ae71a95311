"""Readings through a throw-away store on a simulated clock: `Store.apply` and what follows it.

What is decided is decided there. Here stands only what drives it, as workers, the relay and the
sweep do live: apply an evaluation, tell what is due when it is due, end what has outlived its
time.
"""

from __future__ import annotations

import heapq
import sqlite3
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import event

from sentinel.alert import AlertView
from sentinel.backtest.readings import Seen
from sentinel.backtest.result import Backtest, Message, ReplayedAlert, Spell
from sentinel.clock import FakeClock
from sentinel.condition import When
from sentinel.conditions import Memory, look, remembers
from sentinel.errors import ReadingError
from sentinel.evaluation import Evaluation
from sentinel.lifecycle import Bad
from sentinel.rule import Rule
from sentinel.severity import Severity
from sentinel.store import Knobs, Store
from sentinel.store.deliveries import Outcome

__all__ = ["Plan", "replay"]

_PAGE = 500


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed, and as what.

    Attributes:
        rule: as it is first
        edits: what it became, and when, oldest first; each holds from the first evaluation then
        since, until: what is looked at; an alert open at the end is still open
        trigger: its name
        default_when, default_category, closed_world, unit: what the trigger declares
        receivers: channels of each receiver by name
        knobs: the settings that decisions depend on
        notes: what this backtest cannot know
    """

    rule: Rule
    since: datetime
    until: datetime
    trigger: str = ""
    default_when: When | None = None
    default_category: str = "general"
    closed_world: bool = False
    unit: str = ""
    edits: Sequence[tuple[datetime, Rule]] = ()
    receivers: Mapping[str, Sequence[str]] = {}
    knobs: Knobs = Knobs()
    notes: Sequence[str] = ()

    def rule_at(self, moment: datetime) -> Rule:
        """The rule as it was then."""
        return [self.rule, *(rule for at, rule in self.edits if at <= moment)][-1]


def replay(plan: Plan, evaluations: Iterable[Seen]) -> Backtest:
    """What the plan's rule would have done with `evaluations`, which come oldest first."""
    with _scratch(plan) as (store, clock):
        run = _Run(plan, store, clock)
        for seen in evaluations:
            run.evaluate(seen)
        run.pass_until(plan.until)
        clock.set(plan.until)
        return run.result()


@contextmanager
def _scratch(plan: Plan) -> Generator[tuple[Store, FakeClock]]:
    """A store of its own, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="sentinel-backtest-") as folder:
        clock = FakeClock(plan.since)
        store = Store(f"sqlite:///{Path(folder) / 'replay.db'}", clock=clock, knobs=plan.knobs)
        event.listen(store.engine, "connect", _not_durable)
        try:
            store.migrate()
            for name, channels in plan.receivers.items():
                store.receivers.set(name, channels)
            yield store, clock
        finally:
            store.close()


def _not_durable(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


class _Run:
    """One replay under way."""

    def __init__(self, plan: Plan, store: Store, clock: FakeClock) -> None:
        self.plan = plan
        self.store = store
        self.clock = clock
        self.messages: list[Message] = []
        self.looks: list[tuple[datetime, float | None]] = []
        self.bad = 0
        self.failed = 0
        self.error = ""
        self.series: set[str] = set()
        # Fingerprints that may have an alert that is not resolved.
        self._touched: set[str] = set()
        self._ends: list[datetime] = []
        self._due: datetime | None = None

    def evaluate(self, seen: Seen) -> None:
        """One evaluation, after all that came due before it."""
        self.pass_until(seen.at)
        self.clock.set(seen.at)
        self.looks.append((seen.at, seen.greatest))
        rule = self.plan.rule_at(seen.at)
        evaluation = Evaluation(
            rule=rule,
            trigger=self.plan.trigger,
            slot=seen.at,
            at=seen.at,
            observation=seen.observation,
            closed_world=self.plan.closed_world,
            default_when=self.plan.default_when,
            default_category=self.plan.default_category,
            unit=self.plan.unit,
            keeps_readings=False,
        )
        if self._changes_nothing(evaluation):
            return
        applied = self.store.apply(evaluation)
        self._due = self.store.tellings.next_due()
        self.bad += applied.bad > 0
        if applied.outcome == "error":
            self.failed += 1
            self.error = self.error or applied.error
        if rule.resolve_after is not None and applied.bad:
            heapq.heappush(self._ends, seen.at + rule.resolve_after)
        self._judge_again(evaluation, live=applied.live)

    def _changes_nothing(self, evaluation: Evaluation) -> bool:
        """Whether nothing is bad and nothing has an alert, so that nothing would be written."""
        if self._touched or remembers(evaluation.rule) or evaluation.observation.error is not None:
            return False
        try:
            outlook = look(evaluation, {}, Memory())
        except ReadingError:
            return False
        self.series.update(outlook.judged)
        return not any(isinstance(one.verdict, Bad) for one in outlook.verdicts.values())

    def _judge_again(self, evaluation: Evaluation, *, live: int) -> None:
        """Remember which series may have an alert now."""
        try:
            outlook = look(evaluation, {}, Memory())
        except ReadingError:
            return
        self.series.update(outlook.judged)
        bad = {key for key, one in outlook.judged.items() if isinstance(one.verdict, Bad)}
        self._touched |= bad
        if not live and not evaluation.closed_world:
            # Good ones were pending at most, and that ends here.
            self._touched -= outlook.judged.keys() - bad
        elif not live and not bad:
            self._touched.clear()

    def pass_until(self, moment: datetime) -> None:
        """Let the time pass: tell what comes due, end what has outlived its time."""
        while True:
            due = self._due
            ends = self._ends[0] if self._ends else None
            at = min((one for one in (due, ends) if one is not None), default=None)
            if at is None or at > moment:
                return
            self.clock.set(max(at, self.clock.now()))
            if ends is not None and ends <= self.clock.now():
                heapq.heappop(self._ends)
                self.store.sweep()
            self._tell()
            self._due = self.store.tellings.next_due()
            if due is not None and self._due == due == at and ends != at:
                return  # nobody can be told of it; never round in circles

    def _tell(self) -> None:
        while claimed := self.store.tellings.claim("backtest"):
            self.messages += [
                Message(
                    at=self.clock.now(), receiver=one.receiver, channel=one.channel,
                    reason=one.message.reason, severity=one.message.severity,
                    title=one.message.title,
                )
                for one in claimed
            ]  # fmt: skip
            self.store.tellings.finish([Outcome(sent=one) for one in claimed])

    def result(self) -> Backtest:
        """What came of it."""
        alerts = sorted(self._alerts(), key=lambda one: (one.spells[0].opened, one.title))
        return Backtest(
            rule=self.plan.rule.name, since=self.plan.since, until=self.plan.until,
            evaluations=len(self.looks), bad=self.bad, failed=self.failed, error=self.error,
            series=len(self.series), alerts=alerts, messages=self.messages, looks=self.looks,
            notes=self.plan.notes,
        )  # fmt: skip

    def _alerts(self) -> Iterable[ReplayedAlert]:
        after: str | None = None
        while True:
            page = self.store.alerts.page(limit=_PAGE, after=after)
            for view in page.items:
                yield self._alert(view)
            after = page.next
            if after is None:
                return

    def _alert(self, view: AlertView) -> ReplayedAlert:
        spells: list[Spell] = []
        for entry in self.store.alerts.timeline(view.id):
            if entry.kind in ("opened", "reopened"):
                spells.append(Spell(opened=entry.at, ended=None))
            elif entry.kind == "resolved":
                spells[-1] = msgspec.structs.replace(
                    spells[-1], ended=entry.at, reason=entry.reason
                )
        return ReplayedAlert(
            title=view.title, labels=view.labels, severity=view.severity,
            rank=int(Severity(view.rank)), spells=spells, source=view.source,
        )  # fmt: skip
