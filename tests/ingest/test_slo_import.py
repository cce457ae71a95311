"""SLO files of Sloth and OpenSLO become SLOs of ours, and the report says what did not."""

from __future__ import annotations

import pytest

from sentinel.errors import ConfigurationError
from sentinel.ingest.slo_import import imported_slos
from sentinel.ingest.slo_queries import Series, UnreadableQuery, series_of
from sentinel.slo.definition import SloDefinition, definition_of, from_yaml, to_yaml

# Shaped as github.com/slok/sloth, examples/kubernetes-apiserver.yml and raw-home-wifi.yml.
SLOTH = """
version: "prometheus/v1"
service: "k8s-apiserver"
labels: {component: kubernetes, team: infra}
slos:
  - name: "requests-availability"
    objective: 99.9
    description: "Requests that are answered."
    sli:
      events:
        error_query: sum(rate(apiserver_request_total{code=~"(5..|429)"}[{{.window}}]))
        total_query: sum(rate(apiserver_request_total[{{.window}}]))
    alerting:
      name: Availability
      annotations: {runbook: "https://example.org"}
      page_alert: {labels: {severity: high, channel: ops}}
      ticket_alert: {disable: true}
  - name: "requests-latency"
    objective: 99
    sli:
      events:
        error_query: |
          (
            sum(rate(apiserver_request_duration_seconds_count{verb!="WATCH"}[{{.window}}]))
            -
            sum(rate(apiserver_request_duration_seconds_bucket{le="0.4",verb!="WATCH"}[{{.window}}]))
          )
        total_query: sum(rate(apiserver_request_duration_seconds_count{verb!="WATCH"}[{{.window}}]))
    alerting: {page_alert: {labels: {severity: home}}}
  - name: ratio
    objective: 95
    sli: {raw: {error_ratio_query: "1 - avg(x)"}}
  - name: satisfied
    objective: 95
    sli:
      events:
        error_query: sum_over_time((count(ratio < 0.75))[{{.window}}:]) OR on() vector(0)
        total_query: sum_over_time((count(ratio))[{{.window}}:])
"""
SLOTH_CRD = """
apiVersion: sloth.slok.dev/v1
kind: PrometheusServiceLevel
metadata: {name: shop}
spec:
  service: shop
  slos:
    - name: buy
      objective: 99.5
      sli:
        events:
          errorQuery: 'sum(increase(failed{a="b,}c"}[5m]))'
          totalQuery: sum(rate(all[5m]))
      alerting: {pageAlert: {disable: true}}
"""
# Shaped as github.com/OpenSLO/OpenSLO, README.md of v1.
OPENSLO = """
# Two documents refer to each other.
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: fast}
spec:
  thresholdMetric: {metricSource: {type: Prometheus, spec: {query: 'queue_seconds{env="prod"}'}}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: Queue_Wait, labels: {team: shop, tier: gold}}
spec:
  service: shop
  budgetingMethod: Occurrences
  indicatorRef: fast
  timeWindow:
    - {duration: 1M, calendar: {startTime: "2026-01-01 00:00:00", timeZone: Europe/Berlin}}
  objectives:
    - {op: lte, value: 2, target: 0.98}
    - {op: lt, value: 5, targetPercent: 99.95}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: foo-slo}
spec:
  service: foo
  timeWindow: [{duration: 4w, isRolling: true}]
  alertPolicies: [{alertPolicyRef: x}]
  indicator:
    spec:
      ratioMetric:
        counter: false
        good: {metricSource: {metricSourceRef: prom, spec: {query: 'sum(good_jobs)'}}}
        total: {metricSource: {metricSourceRef: prom, spec: {query: 'sum(jobs)'}}}
  objectives: [{target: 0.9995}, {displayName: none}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: datadog}
spec:
  timeWindow: [{duration: 28d, isRolling: true}]
  indicator:
    spec:
      ratioMetric:
        good: {metricSource: {type: Datadog, spec: {query: 'sum:trace{*}'}}}
        total: {metricSource: {type: Datadog, spec: {query: 'sum:trace{*}'}}}
  objectives: [{target: 0.98}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: slices}
spec: {budgetingMethod: Timeslices, objectives: [{target: 0.98}]}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: hourly}
spec: {timeWindow: [{duration: 1h, isRolling: true}], objectives: [{target: 0.98}]}
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: x}
"""


def slo(**fields: object) -> SloDefinition:
    return definition_of(fields)


def test_events_of_sloth_become_ratios_and_latencies():
    found = imported_slos({"a.yml": SLOTH})
    assert found.slos == [
        slo(
            name="k8s-apiserver-requests-availability", service="k8s-apiserver", team="infra",
            description="Requests that are answered.", objectives=[{"target": 99.9}],
            indicator={
                "kind": "ratio", "total": {"metric": "apiserver_request_total"},
                "bad": {"metric": "apiserver_request_total", "match": ['code=~"(5..|429)"']},
            },
            alerting={"page_severity": "high", "ticket": False},
        ),
        slo(
            name="k8s-apiserver-requests-latency", service="k8s-apiserver", team="infra",
            objectives=[{"target": 99}],
            indicator={
                "kind": "latency", "metric": "apiserver_request_duration_seconds", "below": 0.4,
                "match": ['verb!="WATCH"'],
            },
        ),
    ]  # fmt: skip
    assert from_yaml(to_yaml(list(found.slos))) == found.slos


def test_the_report_names_what_sloth_has_and_is_left_out():
    lines = [str(one) for one in imported_slos({"a.yml": SLOTH}).notes]
    assert lines == [
        "left out: a.yml: requests-availability: labels component",
        "left out: a.yml: requests-availability: alerting.page_alert: channel",
        "left out: a.yml: requests-availability: alerting: name, annotations",
        "left out: a.yml: requests-latency: labels component",
        "left out: a.yml: requests-latency: alerting.page_alert: the severity home",
        "left out: a.yml: ratio: a query of a ratio: Sentinel counts events, as sli.events has "
        "them",
        "left out: a.yml: satisfied: sli.events: only sum(…), rate(…) and increase(…) of one "
        "metric are read",
        "differs: a.yml: windows are the last 30 days, which is Sloth's default; change days where "
        "you gave it another",
    ]


def test_sloth_for_kubernetes_has_names_of_its_own():
    (found,) = imported_slos({"a.yml": SLOTH_CRD}).slos
    assert found == slo(
        name="shop-buy", service="shop", objectives=[{"target": 99.5}], alerting={"page": False},
        indicator={
            "kind": "ratio", "bad": {"metric": "failed", "match": ['a="b,}c"']},
            "total": {"metric": "all"},
        },
    )  # fmt: skip


def test_openslo_has_references_calendars_and_several_indicators():
    found = imported_slos({"b.yml": OPENSLO})
    month = {"kind": "calendar", "period": "month", "timezone": "Europe/Berlin"}
    queue = {"kind": "threshold", "metric": "queue_seconds", "match": ['env="prod"']}
    assert found.slos == [
        slo(
            name="queue-wait", service="shop", team="shop", indicator={**queue, "below": 2},
            objectives=[{"target": 98, "window": month}],
        ),
        slo(
            name="queue-wait-2", service="shop", team="shop", indicator={**queue, "below": 5},
            objectives=[{"target": 99.95, "window": month}],
        ),
        slo(
            name="foo-slo", service="foo",
            indicator={
                "kind": "ratio", "good": {"metric": "good_jobs"}, "total": {"metric": "jobs"},
                "counter": False,
            },
            objectives=[{"target": 99.95, "window": {"kind": "rolling", "days": 28}}],
        ),
    ]  # fmt: skip
    lines = [str(one) for one in found.notes]
    for line in (
        "left out: b.yml: Queue_Wait: labels tier",
        "differs: b.yml: Queue_Wait: a sample of exactly 5 is good, too",
        "differs: b.yml: Queue_Wait: is called queue-wait-2",
        "left out: b.yml: foo-slo: objectives[1]: it has neither target nor targetPercent",
        "left out: b.yml: foo-slo: alertPolicies: the rule of the SLO alerts on pages and tickets",
        "left out: b.yml: datadog: objectives[0]: good: queries of Datadog cannot be translated, "
        "only of Prometheus",
        "left out: b.yml: slices: budgetingMethod Timeslices: Sentinel counts events, not time "
        "slices",
        "left out: b.yml: hourly: timeWindow: 1h is not 7 to 366 days",
        "left out: b.yml: x: alert policies: the rule of an SLO alerts on pages and tickets",
    ):
        assert line in lines


OWN = """
apiVersion: openslo/v1
kind: SLO
metadata: {name: lines}
spec:
  timeWindow: [{duration: 30d, isRolling: true}]
  indicator:
    spec:
      ratioMetric:
        bad: {metricSource: {type: sentinel-logs, spec: {query: 'level:>=error'}}}
        total: {metricSource: {type: sentinel-logs, spec: {query: 'service:shop'}}}
  objectives: [{target: 0.99}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: spans}
spec:
  timeWindow: [{duration: 30d, isRolling: true}]
  indicator:
    spec:
      thresholdMetric:
        metricSource: {type: sentinel-traces, spec: {service: shop, query: 'kind:server'}}
  objectives: [{op: lte, value: 300, target: 0.95}, {op: gt, value: 1, target: 0.9}]
"""


def test_openslo_over_logs_and_traces_of_ours_is_carried_over():
    found = imported_slos({"c.yml": OWN})
    assert [one.indicator.model_dump(exclude_defaults=True) for one in found.slos] == [
        {"kind": "logs", "total": "service:shop", "bad": "level:>=error"},
        {"kind": "traces", "service": "shop", "where": "kind:server", "below_ms": 300},
    ]
    assert "spans need op lte and a value in milliseconds" in str(found.notes[0])


def test_what_a_definition_refuses_is_left_out_with_its_reason():
    found = imported_slos({"a.yml": SLOTH_CRD.replace("99.5", "100")})
    assert found.slos == []
    assert "left out: a.yml: buy: a.yml: buy.objectives.0.target: must be" in str(found.notes[-1])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("up", Series("up")),
        (' ( sum( rate(a:b{x="\\"",y!~"p}q",}[5m]) ) )',
         Series("a:b", ('x="\\""', 'y!~"p}q"'), rate=True)),
        ("sum(up[5m])", None),
        ("rate(up)", None),
        ("sum(a) / sum(b)", None),
        ("sum by (job) (rate(a[5m]))", None),
        ('a{x="b" y="c"}', None),
        ("a offset 5m", None),
        ("", None),
    ],
)  # fmt: skip
def test_only_sums_of_one_metric_are_read(query: str, found: Series | None):
    if found is not None:
        assert series_of(query) == found
        return
    with pytest.raises(UnreadableQuery):
        series_of(query)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# nothing", "the file is empty"),
        ("a: 1", "no version that is known"),
        ("apiVersion: openslo/v1alpha\nkind: SLO", "apiVersion 'openslo/v1alpha'"),
        ("[", "no YAML"),
    ],
)
def test_other_files_are_refused(text: str, said: str):
    with pytest.raises(ConfigurationError, match=said):
        imported_slos({"a.yml": text})
