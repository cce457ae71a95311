"""Readings through a throw-away store on a simulated clock: `Store.apply` and what follows it.

What is decided is decided there. Here stands only what drives it, as workers do live: apply one
evaluation after the other, while time passes on the stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from sentinel.alerts.inputs import Bad
from sentinel.backtest.readings import Seen
from sentinel.backtest.result import Backtest
from sentinel.backtest.sandbox import Stage, staged
from sentinel.errors import ReadingError
from sentinel.evaluation.evaluator import Memory, evaluate, remembers
from sentinel.evaluation.model import Evaluation
from sentinel.rules.condition import When
from sentinel.rules.rule import Rule
from sentinel.store import StoreOptions

__all__ = ["Plan", "replay"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is replayed, and as what.

    Attributes:
        rule: as it is first
        edits: what it became, and when, oldest first; each holds from the first evaluation then
        since, until: the time to replay; an alert open at the end is still open
        trigger: its name
        default_when, default_category, closed_world, unit: what the trigger declares
        receivers: channels of each receiver by name
        options: the settings that decisions depend on
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
    options: StoreOptions = StoreOptions()
    notes: Sequence[str] = ()

    def rule_at(self, moment: datetime) -> Rule:
        """Return the rule as it was then."""
        return [self.rule, *(rule for at, rule in self.edits if at <= moment)][-1]


def replay(plan: Plan, evaluations: Iterable[Seen]) -> Backtest:
    """Return what the plan's rule would have done with `evaluations`, which come oldest first."""
    with staged(plan.since, plan.receivers, plan.options) as stage:
        run = _Run(plan, stage)
        for seen in evaluations:
            run.evaluate(seen)
        stage.pass_until(plan.until)
        stage.clock.set(plan.until)
        return run.result()


class _Run:
    """One replay under way."""

    def __init__(self, plan: Plan, stage: Stage) -> None:
        self.plan = plan
        self.stage = stage
        self.peaks: list[tuple[datetime, float | None]] = []
        self.bad = 0
        self.failed = 0
        self.error = ""
        self.series: set[str] = set()
        # Fingerprints that may have an alert that is not resolved.
        self._touched: set[str] = set()

    def evaluate(self, seen: Seen) -> None:
        """One evaluation, after all that came due before it."""
        self.stage.pass_until(seen.at)
        self.stage.clock.set(seen.at)
        self.peaks.append((seen.at, seen.greatest))
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
        applied = self.stage.store.apply(evaluation)
        self.stage.wrote()
        self.bad += applied.bad > 0
        if applied.outcome == "error":
            self.failed += 1
            self.error = self.error or applied.error
        self._judge_again(evaluation, live=applied.live)

    def _changes_nothing(self, evaluation: Evaluation) -> bool:
        """Whether nothing is bad and nothing has an alert, so that nothing would be written."""
        if self._touched or remembers(evaluation.rule) or evaluation.observation.error is not None:
            return False
        try:
            result = evaluate(evaluation, {}, Memory())
        except ReadingError:
            return False
        self.series.update(result.judged)
        return not any(isinstance(one.verdict, Bad) for one in result.verdicts.values())

    def _judge_again(self, evaluation: Evaluation, *, live: int) -> None:
        """Remember which series may have an alert now."""
        try:
            result = evaluate(evaluation, {}, Memory())
        except ReadingError:
            return
        self.series.update(result.judged)
        bad = {key for key, one in result.judged.items() if isinstance(one.verdict, Bad)}
        self._touched |= bad
        if not live and not evaluation.closed_world:
            # Good ones were pending at most, and that ends here.
            self._touched -= result.judged.keys() - bad
        elif not live and not bad:
            self._touched.clear()

    def result(self) -> Backtest:
        """What came of it."""
        return Backtest(
            rule=self.plan.rule.name, since=self.plan.since, until=self.plan.until,
            evaluations=len(self.peaks), bad=self.bad, failed=self.failed, error=self.error,
            series=len(self.series), alerts=self.stage.alerts(), messages=self.stage.messages,
            peaks=self.peaks, notes=self.plan.notes,
        )  # fmt: skip
