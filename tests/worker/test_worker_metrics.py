"""What is counted, as people and as Prometheus read it."""

from __future__ import annotations

from sentinel.worker.metrics import Metrics, prometheus


def test_a_rule_that_is_late_time_after_time_is_named_and_one_that_was_late_once_is_not():
    metrics = Metrics()
    for late in (40.0, 41.0, 42.0):
        metrics.rule_ran("busy", 60.0, late=late, took=0.1)
    metrics.rule_ran("once", 60.0, late=100.0, took=0.1)
    assert metrics.snapshot()["persistently_late"] == {"busy": "starts 42 s late"}
    metrics.rule_ran("busy", 60.0, late=0.0, took=0.1)
    assert metrics.snapshot()["persistently_late"] == {}


def test_a_rule_that_takes_longer_than_its_period_is_named():
    metrics = Metrics()
    for _ in range(3):
        metrics.rule_ran("slow", 30.0, late=0.0, took=45.0)
    late = metrics.snapshot()["persistently_late"]
    assert late == {"slow": "takes 45 s, longer than its period of 30 s"}


def test_prometheus_reads_every_metric():
    metrics = Metrics()
    metrics.run_ended("OK", late=0.5, took=0.2)
    metrics.run_ended('odd "name"', late=1.5, took=0.2)
    text = prometheus(
        metrics.snapshot(in_hand=2, children=3, replaced={"it died": 1}, api_calls={"poll": 9})
    )
    assert 'sentinel_worker_runs_total{state="OK"} 1' in text
    assert 'sentinel_worker_runs_total{state="odd \\"name\\""} 1' in text
    assert "sentinel_worker_children 3" in text
    assert 'sentinel_worker_replaced_total{why="it died"} 1' in text
    assert 'sentinel_worker_lateness_seconds{quantile="0.95"} 1.45' in text
    for line in text.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2
