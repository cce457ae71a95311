"""A typed client of Sentinel's HTTP API, for programs and for commands on other machines.

```python
from sentinel.client import Client

with Client("http://127.0.0.1:8400", token="…") as sentinel:
    for alert in sentinel.alerts(severity=["critical"]).items:
        sentinel.act(alert.id, "acknowledge", note="looking into it")
```

Bulk actions, silences, accounts, saved views and the inbox are requests of
`sentinel.client.resources`, routes are of `sentinel.client.alert_routes`, a draft beside them of
`sentinel.client.route_shadow`, limits and templates of messages of
`sentinel.client.message_settings`, personal data of `sentinel.client.personal_data`, runs of rules
of `sentinel.client.rule_runs`, their drift of `sentinel.client.rule_drift`, files of rules of
`sentinel.client.rule_files`, packs of `sentinel.client.packs`, channels and deliveries of
`sentinel.client.channels`, providers of `sentinel.client.providers`, policies of
`sentinel.client.policies`, changes that wait of `sentinel.client.pending_changes`, fire drills of
`sentinel.client.drills`, canaries of `sentinel.client.canaries`, noise
of `sentinel.client.noise`, escalations that run of
`sentinel.client.escalations`, custom dashboards of `sentinel.client.custom_dashboards`, calendar
feeds of `sentinel.client.oncall_feeds`, access reviews of `sentinel.client.access_reviews`,
the archive of `sentinel.client.archive`,
heartbeats of `sentinel.client.heartbeats`, incidents of `sentinel.client.incidents`, limits of
APIs of `sentinel.client.limits`, accounts of consumers of `sentinel.client.consumers`, samples of
`sentinel.client.metric_samples`, orchestration of `sentinel.client.orchestration`, trials of
rules of `sentinel.client.rule_trials`, figures of periods of `sentinel.client.reports`, the
system log and stored events of `sentinel.client.system_log`, outgoing events of
`sentinel.client.lifecycle_events`, feeds of `sentinel.client.web_feeds`; `do` carries them out.
Files are requests of `sentinel.client.exports`, which `download` carries out.
`AsyncClient` has the same methods as coroutines. Without arguments, both read `SENTINEL_URL` and
`SENTINEL_TOKEN`.
"""

from sentinel.client import (
    access_reviews,
    alert_routes,
    archive,
    canaries,
    channels,
    consumer_keys,
    consumers,
    custom_dashboards,
    drills,
    escalations,
    exports,
    heartbeats,
    incidents,
    lifecycle_events,
    limits,
    message_settings,
    metric_samples,
    noise,
    oncall_feeds,
    orchestration,
    packs,
    pending_changes,
    personal_data,
    policies,
    providers,
    related,
    reports,
    resources,
    route_shadow,
    rule_drift,
    rule_files,
    rule_runs,
    rule_trials,
    services,
    slos,
    system_log,
    web_feeds,
)
from sentinel.client.async_client import AsyncClient
from sentinel.client.client import Client
from sentinel.client.models import (
    Acted,
    AlertDetail,
    AlertPage,
    Health,
    MetricSample,
    Rule,
    RulePage,
    Statistics,
)

__all__ = [
    "Acted",
    "AlertDetail",
    "AlertPage",
    "AsyncClient",
    "Client",
    "Health",
    "MetricSample",
    "Rule",
    "RulePage",
    "Statistics",
    "access_reviews",
    "alert_routes",
    "archive",
    "canaries",
    "channels",
    "consumer_keys",
    "consumers",
    "custom_dashboards",
    "drills",
    "escalations",
    "exports",
    "heartbeats",
    "incidents",
    "lifecycle_events",
    "limits",
    "message_settings",
    "metric_samples",
    "noise",
    "oncall_feeds",
    "orchestration",
    "packs",
    "pending_changes",
    "personal_data",
    "policies",
    "providers",
    "related",
    "reports",
    "resources",
    "route_shadow",
    "rule_drift",
    "rule_files",
    "rule_runs",
    "rule_trials",
    "services",
    "slos",
    "system_log",
    "web_feeds",
]
