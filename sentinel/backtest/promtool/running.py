"""Tests of `promtool test rules`, run through the check, the store and the lifecycle of a rule.

What promtool does itself is done as it does it (cmd/promtool/unittest.go): samples of a step are
there before its evaluation, groups are evaluated every `evaluation_interval` whatever interval they
have, and an alert is looked for at the newest evaluation that is not after its time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sentinel.backtest.promtool.files import AlertTest, ExprTest, TestFile, TestGroup
from sentinel.backtest.promtool.samples import Samples
from sentinel.backtest.promtool.series import bits_of, labels_of, series_text, values_of
from sentinel.backtest.sandbox import Stage, staged
from sentinel.checks.catalog import find
from sentinel.checks.context import Context
from sentinel.checks.runner import observe
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.evaluation.model import Evaluation
from sentinel.ingest.prometheus_rules.files import Group, Rule
from sentinel.ingest.prometheus_rules.importing import member_of
from sentinel.metrics.promql.alerting import ALERTNAME
from sentinel.metrics.promql.evaluating import Promql, Version, worked_out
from sentinel.metrics.promql.go_numbers import shortest
from sentinel.metrics.promql.reading import metrics_of
from sentinel.metrics.promql.values import NAME, PromqlError, Sample, plain
from sentinel.rules.rule import Rule as OurRule
from sentinel.store import StoreOptions
from sentinel.store.alerts.filter import AlertFilter

__all__ = ["Failure", "TestResult", "outcomes"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_STEPS = 1_000_000


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What did not hold.

    Attributes:
        at: time in the test
        about: the alert, expression or rule
        expected, got: what should be and what was, one text each; both empty of an error
        error: why it could not be evaluated
    """

    at: timedelta
    about: str
    expected: Sequence[str] = ()
    got: Sequence[str] = ()
    error: str = ""


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one group of tests.

    Attributes:
        name: of the group; its number where it has none
        checked: alerts and expressions that were looked at
        failures: those that did not hold
    """

    __test__ = False

    name: str
    checked: int
    failures: Sequence[Failure] = ()


class _Rule(msgspec.Struct):
    """A rule that is evaluated at each step.

    Attributes:
        rule: as it is written
        group: that it is in
        name: of ours, unlike all others of the store
        ours: of an alerting rule; None of a recording one
        parameters: of the trigger
        last: labels of its series of the evaluation before, which end when they are not there
        texts: annotations of each alert as it last fired
        quiet: whether it has no alert, so that an evaluation without any changes nothing
    """

    rule: Rule
    group: Group
    name: str
    ours: OurRule | None = None
    parameters: Mapping[str, Any] = {}
    last: dict[frozenset[tuple[str, str]], Mapping[str, str]] = {}
    texts: dict[frozenset[tuple[str, str]], Mapping[str, str]] = {}
    quiet: bool = True


def outcomes(file: TestFile, groups: Sequence[Group], version: Version) -> Iterator[TestResult]:
    """Run the tests of a file.

    Args:
        file: with the tests
        groups: of its rule files
        version: of Prometheus, whose ranges are meant

    Yields:
        What came of each.

    Raises:
        ConfigurationError: a series or a rule cannot be used; names it
    """
    order = {name: place for place, name in enumerate(file.group_eval_order)}
    ordered = sorted(groups, key=lambda one: order.get(one.name, 0))
    with staged(_EPOCH, {}, StoreOptions()) as stage:
        for number, test in enumerate(file.tests, start=1):
            run = _Run(stage, file, test, ordered, version, number)
            yield run.result()


class _Run:
    """One group of tests under way."""

    def __init__(
        self, stage: Stage, file: TestFile, test: TestGroup, groups: Sequence[Group],
        version: Version, number: int,
    ) -> None:  # fmt: skip
        self.stage = stage
        self.test = test
        self.name = test.name or str(number)
        self.interval = file.interval
        self.how = Promql(step=self.interval, version=version)
        self.samples = Samples()
        self.failures: list[Failure] = []
        # Later than all of the test before, on the clock of the store they share.
        self.base = stage.clock.now() + timedelta(days=1)
        self.rules = [
            _made(group, rule, f"test-{number}-{place}-{nth}", self.interval, version, test)
            for place, group in enumerate(groups)
            for nth, rule in enumerate(group.rules)
        ]
        asked = [one.rule.expr for one in self.rules] + [one.expr for one in test.promql_expr_test]
        self.asks_alerts = any("ALERTS" in metrics_of(one) for one in asked)
        self.input = _input(test, self.interval)
        self.trigger = find("promql")

    def result(self) -> TestResult:
        """Evaluate step by step, and look at what is asked for."""
        test = self.test
        checked = len(test.alert_rule_test) + len(test.promql_expr_test)
        times = [one.eval_time for one in (*test.alert_rule_test, *test.promql_expr_test)]
        last = max(times, default=timedelta(0))
        if last / self.interval > _MOST_STEPS:
            raise ConfigurationError(f"test {self.name}: more than {_MOST_STEPS:,} evaluations")
        waiting = sorted(test.alert_rule_test, key=lambda one: one.eval_time)
        at = timedelta(0)
        while at <= last:
            self._send(at)
            if not self._evaluate(at):
                return TestResult(name=self.name, checked=checked, failures=self.failures)
            while waiting and waiting[0].eval_time < at + self.interval:
                self._look(waiting.pop(0))
            at += self.interval
        for one in test.promql_expr_test:
            self._send(max(at, one.eval_time))
            self._work_out(one)
        return TestResult(name=self.name, checked=checked, failures=self.failures)

    def _send(self, until: timedelta) -> None:
        while self.input and self.input[-1][0] <= _ms(until):
            at, labels, bits = self.input.pop()
            self.samples.add(labels, at, bits)

    def _evaluate(self, at: timedelta) -> bool:
        """Evaluate all rules once; whether all of them could be."""
        before = len(self.failures)
        for one in self.rules:
            try:
                if one.ours is None:
                    self._record(one, at)
                else:
                    self._alert(one, one.ours, at)
            except SentinelError as error:
                self.failures.append(
                    Failure(at=at, about=f"rule {one.rule.title}", error=error.message)
                )
        return len(self.failures) == before

    def _record(self, one: _Rule, at: timedelta) -> None:
        found = worked_out(one.rule.expr, _ms(at), self.samples, self.how)
        if isinstance(found, str):
            raise PromqlError("a recording rule's expression gives a text")
        samples = [Sample({}, found)] if isinstance(found, int | float) else found
        series: dict[frozenset[tuple[str, str]], Mapping[str, str]] = {}
        for sample in samples:
            labels = {**sample.labels, **one.group.labels, **one.rule.labels}
            labels[NAME] = one.rule.record
            labels = {name: text for name, text in labels.items() if text}
            if plain(labels) in series:
                raise PromqlError(f"two series of the result have the same labels: {labels}")
            series[plain(labels)] = labels
            self.samples.add(labels, _ms(at), bits_of(sample.value))
        self._end(one, series, at)

    def _end(
        self, one: _Rule, series: dict[frozenset[tuple[str, str]], Mapping[str, str]], at: timedelta
    ) -> None:
        """Say of the series that are no longer made that they have ended."""
        for key, labels in one.last.items():
            if key not in series:
                self.samples.end(labels, _ms(at))
        one.last = series

    def _alert(self, one: _Rule, ours: OurRule, at: timedelta) -> None:
        moment = self.base + at
        ctx = Context(clock=FakeClock(_EPOCH + at), metrics=self.samples)
        observation = observe(self.trigger, ctx, one.parameters, timeout=None)
        if observation.error is not None:
            error = observation.error
            raise error if isinstance(error, SentinelError) else PromqlError(str(error))
        for reading in observation.readings:
            one.texts[plain(reading.labels)] = reading.annotations or {}
        if observation.readings or not one.quiet:
            self.stage.pass_until(moment)
            applied = self.stage.store.apply(
                Evaluation(
                    rule=ours, trigger=self.trigger.name, slot=moment, at=moment,
                    observation=observation, closed_world=self.trigger.closed_world,
                    default_category=self.trigger.category, keeps_readings=False,
                )
            )  # fmt: skip
            self.stage.wrote()
            one.quiet = not observation.readings and not applied.live
        if self.asks_alerts:
            self._keep_alerts(one, at)

    def _keep_alerts(self, one: _Rule, at: timedelta) -> None:
        """Keep the rule's alerts as series ALERTS, as Prometheus does."""
        series: dict[frozenset[tuple[str, str]], Mapping[str, str]] = {}
        if not one.quiet:
            for state, found in (("firing", self._firing(one)), ("pending", self._pending(one))):
                for labels in found:
                    made = {**labels, NAME: "ALERTS", "alertstate": state}
                    series[plain(made)] = made
                    self.samples.add(made, _ms(at), bits_of(1.0))
        self._end(one, series, at)

    def _firing(self, one: _Rule) -> Iterator[Mapping[str, str]]:
        return self._labels(AlertFilter(rule=one.name))

    def _pending(self, one: _Rule) -> Iterator[Mapping[str, str]]:
        return self._labels(AlertFilter(rule=one.name, status=("pending",)))

    def _labels(self, asked: AlertFilter) -> Iterator[Mapping[str, str]]:
        after: str | None = None
        while True:
            page = self.stage.store.alerts.page(asked, limit=500, after=after, order="live")
            yield from (view.labels for view in page.items)
            after = page.next
            if after is None:
                return

    def _look(self, test: AlertTest) -> None:
        got: list[str] = []
        for one in self.rules:
            if one.ours is None or one.rule.alert != test.alertname or one.quiet:
                continue
            got += [
                _alert_text(labels, one.texts.get(plain(labels), {}))
                for labels in self._firing(one)
            ]
        expected = [
            _alert_text(
                {k: v for k, v in {**alert.exp_labels, ALERTNAME: test.alertname}.items() if v},
                alert.exp_annotations,
            )
            for alert in test.exp_alerts
        ]
        if sorted(got) != sorted(expected):
            self.failures.append(
                Failure(
                    at=test.eval_time, about=f"alert {test.alertname}",
                    expected=sorted(expected), got=sorted(got),
                )
            )  # fmt: skip

    def _work_out(self, test: ExprTest) -> None:
        about = f"expr {test.expr}"
        if any(one.histogram for one in test.exp_samples):
            error = "native histograms are not known"
            self.failures.append(Failure(at=test.eval_time, about=about, error=error))
            return
        try:
            expected = [(labels_of(one.labels), one.value) for one in test.exp_samples]
            found = worked_out(test.expr, _ms(test.eval_time), self.samples, self.how)
        except SentinelError as error:
            self.failures.append(Failure(at=test.eval_time, about=about, error=error.message))
            return
        if isinstance(found, str):
            self.failures.append(
                Failure(at=test.eval_time, about=about, error="the expression gives a text")
            )
            return
        samples = [Sample({}, found)] if isinstance(found, int | float) else found
        got = sorted((series_text(one.labels), one.value) for one in samples)
        wanted = sorted((series_text(labels), value) for labels, value in expected)
        if len(got) != len(wanted) or not all(map(_same, got, wanted)):
            self.failures.append(
                Failure(
                    at=test.eval_time, about=about,
                    expected=list(map(_sample_text, wanted)), got=list(map(_sample_text, got)),
                )
            )  # fmt: skip


def _made(
    group: Group, rule: Rule, name: str, interval: timedelta, version: Version, test: TestGroup
) -> _Rule:
    made = _Rule(rule=rule, group=group, name=name, last={}, texts={})
    if rule.record:
        return made
    member = member_of(
        msgspec.structs.replace(group, interval=interval, limit=0), rule, interval=interval,
        version=version, external=test.external_labels,
    )  # fmt: skip
    made.parameters = member.parameters
    made.ours = OurRule.model_validate(
        {**member.rule, "name": name, "every": interval, "receivers": []}
    )
    return made


def _input(test: TestGroup, interval: timedelta) -> list[tuple[int, Mapping[str, str], int]]:
    """Return the samples of a test, the last one first."""
    step = _ms(test.interval or interval)
    found: list[tuple[int, Mapping[str, str], int]] = []
    for one in test.input_series:
        labels = labels_of(one.series)
        for place, bits in enumerate(values_of(one.values)):
            if bits is not None:
                found.append((place * step, labels, bits))
    # Of one moment, in the order of the file.
    return sorted(found, key=lambda sample: sample[0])[::-1]


def _ms(length: timedelta) -> int:
    return round(length.total_seconds() * 1000)


def _alert_text(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    return f"{series_text(labels)} {series_text(annotations)}"


def _same(one: tuple[str, float], other: tuple[str, float]) -> bool:
    """Compare two samples but for rounding.

    promtool compares exactly, but its own last digit depends on the order in which it adds up the
    series, which differs from run to run. NaN equals nothing, as there.

    Returns:
        Whether they are equal.
    """
    return one[0] == other[0] and math.isclose(one[1], other[1], rel_tol=1e-12)


def _sample_text(sample: tuple[str, float]) -> str:
    return f"{sample[0]} {shortest(sample[1])}"
