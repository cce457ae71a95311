"""An expression in PromQL over stored metrics; every series of its result is an alert."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

from sentinel import Context, Reading, trigger
from sentinel.metrics.moments import micros
from sentinel.metrics.promql.alerting import AlertRule, found_alerts, severity_word
from sentinel.metrics.promql.evaluating import Promql, Version, worked_out
from sentinel.metrics.promql.go_numbers import shortest
from triggers._metrics import Duration, length


@trigger(category="metrics", closed_world=True, keeps_readings=False)
def promql(
    ctx: Context,
    expr: str,
    alert: str,
    labels: dict[str, str] = {},  # noqa: B006 - a form's default; nothing here changes it
    annotations: dict[str, str] = {},  # noqa: B006 - as above
    external_labels: dict[str, str] = {},  # noqa: B006 - as above
    lookback: Duration = timedelta(minutes=5),
    step: Duration = timedelta(minutes=1),
    prometheus: Version = 2,
) -> Iterator[Reading]:
    """An alerting rule of Prometheus over stored metrics, such as sum(rate(errors[5m])) > 10.

    Each series of the result is bad, as in Prometheus; what is no longer in it is good. `sentinel
    import prometheus` makes these rules of rule files.

    Args:
        ctx: the time and the stored metrics
        expr: the expression, in PromQL
        alert: name of the alert, its label alertname
        labels: added to those of the series; templates such as [[ $labels.host ]]
        annotations: texts by name, likewise, such as [[ $value | humanize ]]
        external_labels: what templates mean by $externalLabels
        lookback: how long a sample stands for its series
        step: of subqueries that name none
        prometheus: the version whose ranges are meant; those of 2 have both of their ends, those
            of 3 begin after their start

    Yields:
        A bad reading for each series of the result, with the value of the expression.

    Raises:
        PromqlError: the expression or a template cannot be used, or not be worked out
    """
    how = Promql(
        lookback=length(lookback, "lookback"), step=length(step, "step"), version=prometheus
    )
    rule = AlertRule(alert=alert, labels=labels, annotations=annotations, external=external_labels)
    result = worked_out(expr, micros(ctx.now()) // 1000, ctx.metrics, how)
    for one in found_alerts(rule, result):
        yield Reading(
            labels=one.labels,
            value=one.value if math.isfinite(one.value) else None,
            firing=True,
            summary=" ".join(one.annotations.get("summary", "").split())[:1000] or None,
            annotations=one.annotations,
            details={"value": shortest(one.value)},
            severity=severity_word(one.labels.get("severity", "")) or None,
        )
