"""The real promtool is given what Sentinel works out as expected, and must agree with all of it."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.backtest.promtool.files import read_test_file
from sentinel.backtest.promtool.running import TestResult, outcomes
from sentinel.backtest.promtool.samples import Samples
from sentinel.backtest.promtool.series import labels_of, series_text, values_of
from sentinel.ingest.prometheus_rules.files import read_groups
from sentinel.metrics.promql.evaluating import worked_out
from sentinel.metrics.promql.values import PromqlError
from tests.backtest.promtool.given import (
    EXPRESSIONS,
    PROMTOOL,
    RULES,
    SERIES,
    document,
    promtool_says,
)

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
ALERTS = (
    "HostDown", "KeepFiring", "ManyRequests", "Values", "Always", "Gone", "Dependent",
    "DependentFiring", "Ratio",
)  # fmt: skip
ADDED_UP = re.compile(r"\b(sum|avg|stddev|stdvar|quantile) ?(by|without|\()")
"""promtool's last digit of what is added up over series differs from run to run."""
LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')


def samples() -> Samples:
    found = Samples()
    for name, values in SERIES.items():
        for place, bits in enumerate(values_of(values)):
            if bits is not None:
                found.add(labels_of(name), place * 60_000, bits)
    return found


def expected_of(expr: str, at: int, given: Samples) -> dict[str, Any] | None:
    """Return an expression's result as a test of promtool; None where it has a NaN."""
    found = worked_out(expr, at * 1000, given)
    assert not isinstance(found, str)
    none: dict[str, str] = {}
    pairs = (
        [(none, found)]
        if isinstance(found, int | float)
        else [(one.labels, one.value) for one in found]
    )
    if any(math.isnan(value) for _, value in pairs):
        return None
    samples = [{"labels": series_text(labels), "value": value} for labels, value in pairs]
    return {"expr": expr, "eval_time": f"{at}s", "exp_samples": samples}


@needs_promtool
def test_promtool_has_the_same_result_of_every_expression(tmp_path: Path):
    given = samples()
    tests = [
        one
        for expr in EXPRESSIONS
        for at in (0, 60, 330, 600, 615, 900, 1200, 1500)
        if (one := expected_of(expr, at, given)) is not None
    ]
    assert len(tests) > 900
    file = tmp_path / "all.yml"
    file.write_text(document({"promql_expr_test": tests}))
    holds, said = promtool_says(file)
    failed = [ADDED_UP.search(line) for line in said.splitlines() if line.startswith("    expr:")]
    assert holds or all(failed), said
    assert len(failed) < len(tests) / 10
    # Of those, all digits but the last one agree: Sentinel itself takes promtool's numbers.
    for expected, got in re.findall(r"\n        exp: (.*)\n        got: (.*)", said):
        numbers = [re.findall(r"\} (\S+?)(?:,|$)", one) for one in (expected, got)]
        assert [float(one) for one in numbers[0]] == pytest.approx(
            [float(one) for one in numbers[1]], rel=1e-12
        )


def test_labels_that_are_made_the_same_are_refused_also_within_a_sum():
    same = 'label_replace(http_requests_total, "code", "", "code", ".*")'
    joined = 'label_join(http_requests_total, "code", "")'
    for expr in (same, f"sum({same})", f"sum({joined})"):
        with pytest.raises(PromqlError, match="same labels"):
            worked_out(expr, 600_000, samples())


def test_subqueries_within_each_other_are_bounded_by_all_of_their_steps(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("sentinel.metrics.promql.evaluating.MOST_STEPS_OF_ALL", 60)
    worked_out("max_over_time(max_over_time(up[3m:1m])[9m:1m])", 600_000, samples())
    nested = "max_over_time(max_over_time(max_over_time(up[3m:1m])[3m:1m])[3m:1m])"
    with pytest.raises(PromqlError, match="more than 60 steps altogether"):
        worked_out(nested, 600_000, samples())


def test_a_label_made_of_itself_over_and_over_is_refused_before_it_fills_the_memory():
    replaced = joined = "up"
    for _ in range(20):
        replaced = f'label_replace({replaced}, "job", "$1$1$1$1$1$1$1$1", "job", "(.*)")'
        joined = f'label_join({joined}, "job", "", "job", "job", "job", "job")'
    for expr in (replaced, joined):
        with pytest.raises(PromqlError, match="label job has more than 10,000 letters"):
            worked_out(expr, 600_000, samples())


def run(text: str) -> TestResult:
    refused: list[Any] = []
    groups = read_groups({RULES.name: RULES.read_text()}, refused)
    assert not refused
    (found,) = outcomes(read_test_file(text, "test"), groups, 2)
    return found


def alert_of(text: str) -> dict[str, Any]:
    """Return an alert that was found as a test of promtool expects it."""
    both = re.fullmatch(r'(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}) (.*)', text, re.S)
    assert both
    labels, annotations = (
        {name: re.sub(r"\\(.)", r"\1", value) for name, value in LABEL.findall(part)}
        for part in both.groups()
    )
    labels.pop("alertname")
    return {"exp_labels": labels, "exp_annotations": annotations}


@needs_promtool
def test_promtool_has_the_same_alerts_with_the_same_texts_at_every_time(tmp_path: Path):
    never = [{"exp_labels": {"none": "has it"}}]
    asked: list[dict[str, Any]] = [
        {"alertname": name, "eval_time": f"{at}s", "exp_alerts": never}
        for name in ALERTS
        for at in range(0, 1600, 60)
    ]
    found = run(document({"alert_rule_test": asked}, rules=True))
    assert not [one.error for one in found.failures if one.error]
    got = {(one.about.split()[1], one.at): one.got for one in found.failures}
    assert len(got) == len(asked)  # nobody has that label, so each says what there is
    for one in asked:
        at = timedelta(seconds=int(str(one["eval_time"])[:-1]))
        one["exp_alerts"] = [alert_of(text) for text in got[one["alertname"], at]]
    assert sum(len(one["exp_alerts"]) for one in asked) > 80
    file = tmp_path / "alerts.yml"
    file.write_text(document({"alert_rule_test": asked}, rules=True))
    holds, said = promtool_says(file)
    assert holds, said


@needs_promtool
def test_what_holds_by_promtool_holds_here_and_nothing_else(tmp_path: Path):
    both = [
        {"labels": 'mem_total{instance="b"}', "value": 3},
        {"labels": 'mem_total{instance="a"}', "value": 128},
    ]
    nan = [{"labels": "{}", "value": float("nan")}]
    tests: list[tuple[dict[str, Any], bool]] = [
        ({"expr": "up", "eval_time": "5m", "exp_samples": []}, False),
        ({"expr": "nothing", "eval_time": "5m"}, True),
        ({"expr": "5", "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": 5}]}, True),
        ({"expr": "mem_total", "eval_time": "0s", "exp_samples": both}, True),
        ({"expr": "mem_total", "eval_time": "0s", "exp_samples": both[:1]}, False),
        ({"expr": "vector(NaN)", "eval_time": "0s", "exp_samples": nan}, False),
        ({"expr": "mem_free * on(instance) up{job=~'.*'}", "eval_time": "1m"}, False),
    ]
    found = run(document({"promql_expr_test": [test for test, _ in tests]}))
    failed = {one.about for one in found.failures}
    for number, (test, holds) in enumerate(tests):
        file = tmp_path / f"{number}.yml"
        file.write_text(document({"promql_expr_test": [test]}))
        assert promtool_says(file)[0] is holds, test
    assert len(found.failures) == sum(1 for _, holds in tests if not holds)
    assert failed == {f"expr {test['expr']}" for test, holds in tests if not holds}
