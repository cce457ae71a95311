"""`GET /metrics`: Sentinel's own figures, for Prometheus and whatever reads its formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sentinel.access import Permission
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.scoped import within
from sentinel.engine.component_health import components
from sentinel.errors import SentinelError
from sentinel.settings import Settings
from sentinel.store.access.within import Within
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.reports.self_figures import self_figures

__all__ = ["MOST_ALERTS", "router"]

router = APIRouter(tags=["statistics"])

MOST_ALERTS = 2_000
"""Alerts with a series of their own, the most urgent first."""
_HOURS = 1.0
_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_STATES = ("ok", "note", "warning", "wrong")


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        **responses(),
        200: {
            "description": "The figures; in the OpenMetrics format where it is asked for",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/openmetrics-text": {"schema": {"type": "string"}},
            },
        },
    },
)
@needs(Permission.READ, "statistics", confined=True)
def own_metrics(request: Request) -> Response:
    """Return Sentinel's own figures, and the series `ALERTS` with one of each live alert.

    A key that is confined to tenants or teams reads the figures of what is theirs. Prometheus sends
    it as `authorization: {credentials: snt_…}`.

    Returns:
        The text of Prometheus, or of OpenMetrics 1.0 where the header `Accept` prefers that.
    """
    registry = CollectorRegistry(auto_describe=False)
    state = request.app.state
    registry.register(
        _Figures(within(request), state.settings, cast("Callable[[], int]", state.runs_waiting))
    )
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), media_type=None, headers={"Content-Type": content_type})


class _Figures(Collector):
    """Collects the figures that are in the scope of whoever asks.

    Args:
        store: the shared database, as the principal may see it
        settings: of this process
        waiting: returns how many flow runs are due and have not started
    """

    def __init__(self, store: Within, settings: Settings, waiting: Callable[[], int]) -> None:
        self._store = store
        self._settings = settings
        self._waiting = waiting

    def collect(self) -> Iterable[Metric]:
        """Collect every family.

        Yields:
            The families, with their samples.
        """
        version = metadata.version("sentinel-alerts")
        yield InfoMetricFamily("sentinel", "What answers.", {"version": version})
        yield from self._counted()
        yield from self._alerts()
        if self._store.scope.is_everything:
            yield from self._instance()

    def _counted(self) -> Iterator[Metric]:
        store = self._store
        counts = store.store.alerts.counts(scope=store.scope)
        about = "Alerts that are not resolved; 10001 is more than 10,000."
        yield _gauge("sentinel_alerts", about, "status", counts.by_status)
        about = "Live alerts by severity; 10001 is more than 10,000."
        yield _gauge("sentinel_alerts_by_severity", about, "severity", counts.by_severity)
        figures = store.figures(_HOURS).figures
        for name, about, number in (
            ("alerts_opened", "Alerts that opened or reopened", figures.generated),
            ("alerts_resolved", "Alerts that were resolved", figures.resolved),
            ("notifications_sent", "Notifications that a channel took", figures.notifications_sent),
            ("notifications_failed", "Notifications that failed", figures.notification_failures),
        ):
            yield GaugeMetricFamily(f"sentinel_{name}_last_hour", f"{about}, in an hour.", number)
        about = "Evaluations of the rules that there are."
        yield CounterMetricFamily("sentinel_rule_evaluations", about, store.evaluations())

    def _alerts(self) -> Iterator[Metric]:
        found, more = self._store.first_alerts(AlertFilter(scope=self._store.scope), MOST_ALERTS)
        alerts = Metric("ALERTS", "Live alerts, as Prometheus has its own.", "gauge")
        for one in found:
            alerts.add_sample("ALERTS", _labels(one), 1)
        yield alerts
        about = f"Whether there are more live alerts than the {MOST_ALERTS} series of ALERTS."
        yield GaugeMetricFamily("sentinel_alerts_cut", about, int(more))

    def _instance(self) -> Iterator[Metric]:
        on, every = self._store.store.statistics.rules()
        rules = {"enabled": on, "disabled": every - on}
        yield _gauge("sentinel_rules", "Rules by their switch.", "state", rules)
        health = GaugeMetricFamily(
            "sentinel_component",
            "Whether a component is in a state.",
            labels=["component", "state"],
        )  # fmt: skip
        for one in components(self._store.store, self._settings):
            for state in _STATES:
                health.add_metric([one.name, state], int(one.state == state))
        yield health
        for one in self_figures(self._store.store):
            yield GaugeMetricFamily(one.name, one.about, one.value)
        try:
            waiting = self._waiting()
        except SentinelError:
            return  # Prefect does not answer, which `sentinel_component` says
        about = "Flow runs of the work pool that are due and have not started."
        yield GaugeMetricFamily("sentinel_flow_runs_waiting", about, waiting)


def _gauge(name: str, about: str, label: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _labels(alert: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of an alert's series: its own first, which those of Sentinel replace."""
    own = {_LABEL.sub("_", name): str(value) for name, value in alert["labels"].items()}
    return {(f"_{name}" if name[:1].isdigit() else name): value for name, value in own.items()} | {
        "alertname": str(alert["rule"]),
        "alertstate": "pending" if alert["status"] == "pending" else "firing",
        "status": str(alert["status"]),
        "severity": str(alert["severity"]),
        "tenant": str(alert["tenant"]),
        "alert_id": str(alert["id"]),
    }
