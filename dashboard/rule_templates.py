"""Templates of rules: common cases with the check and its terms filled in, to be made one's own.

A rule of the gallery runs as it is; a template asks for what only its author knows, such as an
address or the name of a metric, for which an example stands. Pure.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sentinel.rollout.rule_draft import Draft

__all__ = ["TEMPLATES", "Template"]


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template.

    Attributes:
        title: what it is for
        about: when it fires, in one sentence
        change: what has to be made one's own
        draft: with which the builder begins
    """

    title: str
    about: str
    change: str
    draft: Draft


def _template(
    title: str, about: str, change: str, trigger: str, parameters: dict[str, Any], **rule: Any
) -> Template:
    """Return a template whose rule says what it is for.

    Args:
        title: what it is for
        about: when it fires
        change: what has to be made one's own
        trigger: name of the check
        parameters: of the check, with examples
        rule: fields of the rule

    Returns:
        The template.
    """
    fields = {"description": about, **{name.rstrip("_"): one for name, one in rule.items()}}
    draft = Draft(trigger=trigger, parameters=parameters, rule=fields)
    return Template(title=title, about=about, change=change, draft=draft)


TEMPLATES: tuple[Template, ...] = (
    _template(
        "A web service is down or slow",
        "Fires when an address answers no request, or takes longer than two seconds.",
        "Services", "service_up", {"services": ["https://example.com/health"], "slowest_ms": 2000},
        name="my-service-down", severity="high", every="60s", consecutive=2,
    ),
    _template(
        "A certificate expires soon",
        "Fires 30 days before the TLS certificate of an address ends.",
        "Services", "service_up",
        {"services": ["https://example.com"], "certificate_days": 30},
        name="my-certificate", severity="medium", every="1h",
    ),
    _template(
        "A number of an HTTP API is too high",
        "Fires when a number in the JSON that an address answers is above a threshold.",
        "URL, value and threshold", "http_json",
        {"url": "https://example.com/queue", "value": "waiting"},
        name="my-queue-long", severity="medium", every="60s", when={"above": 1000, "clear": 800},
        for_="5m",
    ),
    _template(
        "A query of a database finds something wrong",
        "Fires for each row whose value is above zero.",
        "Source and query", "sql_query",
        {"source": "{secret:database-url}",
         "query": "SELECT status AS name, count(*) AS value FROM orders\n"
                  "WHERE status = 'failed' GROUP BY status"},
        name="my-failed-orders", severity="high", every="5m", when={"above": 0},
    ),
    _template(
        "A table gets no new rows",
        "Fires when the newest row of a table is older than two hours.",
        "Source, tables and threshold", "data_freshness",
        {"source": "{secret:database-url}", "tables": {"orders": "created_at"}},
        name="my-table-stale", severity="high", every="15m", when={"above": 120},
    ),
    _template(
        "A file does not arrive",
        "Fires when the newest file of a pattern is older than a day.",
        "Files and threshold", "file_freshness",
        {"files": ["/data/in/orders-*.csv"], "smallest_bytes": 1},
        name="my-file-late", severity="medium", every="15m", when={"above": 1500},
    ),
    _template(
        "A nightly job does not report",
        "Fires when a job sent no heartbeat for 25 hours, or said that it failed.",
        "Jobs", "heartbeat", {"jobs": {"nightly-load": "25h"}},
        name="my-job-silent", severity="high", every="5m",
    ),
    _template(
        "A metric crosses a threshold",
        "Fires by severity when the mean of five minutes is above 80 or 95, until it is below 70.",
        "Metric and thresholds", "metric_threshold", {"metric": "cpu_percent", "over": "5m"},
        name="my-metric-high", every="60s",
        when={"levels": {"medium": 80, "critical": 95}, "clear": 70},
    ),
    _template(
        "A metric behaves unusually",
        "Fires when a metric is far from what the last two days made usual.",
        "Metric", "metric_anomaly", {"metric": "requests_per_second"},
        name="my-metric-unusual", severity="low", every="60s",
    ),
    _template(
        "A disk or budget runs out soon",
        "Fires when the trend of six hours reaches the threshold within a day.",
        "Metric and threshold", "metric_forecast", {"metric": "disk_percent", "threshold": 100},
        name="my-metric-full-soon", severity="medium", every="15m",
    ),
    _template(
        "A metric stops coming",
        "Fires when no sample of a metric came for ten minutes.",
        "Metric", "metric_absent", {"metric": "requests_per_second"},
        name="my-metric-absent", severity="medium", every="60s", when={"above": 600},
    ),
)  # fmt: skip
"""The templates, in the order of the gallery."""
