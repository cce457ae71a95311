"""What each route answers to each role in its own tenant, in a foreign one, and of another team.

A route of the OpenAPI document without an entry here fails `test_access_matrix`. To add one, say
what its request is for a tenant, and what somebody with the permission gets for their own tenant,
for a foreign one, and for their own tenant where they are confined to another team.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from tests.api.consumer_key_requests import consumer_key_entries
from tests.api.incident_requests import incident_entries
from tests.api.limit_requests import limit_entries
from tests.api.matrix_bodies import (
    DEBUGGING,
    NOTIFY,
    OVERRIDE,
    ROUTES,
    RULE_FILES,
    SPAN,
    SWAP,
    comment_on_all,
    its_alert,
    its_message,
    its_page,
    its_service,
    new_alert,
    new_key,
    new_services,
    new_silence,
    new_user,
    previewed,
)
from tests.api.matrix_entries import (
    FIRING,
    Entry,
    Place,
    always,
    decided,
    event_tenant,
    in_tenant,
    instance,
    listed,
    named_metric,
    of_rule,
    of_telemetry,
    one_in_tenant,
    one_object,
    open_to_all,
    whole_tenant,
)
from tests.api.orchestration_requests import orchestration_entries
from tests.api.slo_requests import FIGURES, its_slo, measured, new_slo

__all__ = ["ENTRIES", "Entry", "Place", "entry_of"]

ENTRIES: dict[str, Entry] = {
    **{f"GET /alerts{kind}": listed() for kind in ("", ".csv", ".xlsx")},
    **{f"GET /analytics{rest}": listed() for rest in ("", "/trend", "/comparison")},
    "GET /alerts/{alert_id}": one_object(),
    **{
        f"GET /alerts/{{alert_id}}/{rest}": one_object()
        for rest in ("why", "related", "candidates")
    },
    "GET /correlation/groups": Entry(foreign="hides", team="hides", query=in_tenant),
    "POST /alerts/{alert_id}/remedy/approve": one_object(),
    "POST /alerts/{alert_id}/remedy/reject": one_object(),
    "POST /alerts/{alert_id}/actions": one_object(always({"action": "comment", "note": "seen"})),
    # Out of scope nothing matches: an empty answer. By ids: test_bulk_actions.
    "POST /alerts/bulk": Entry(foreign="hides", team="hides", body=comment_on_all),
    "GET /active": listed(),
    "GET /archive": listed(),
    # No alert of these tests is archived. Out of scope: tests/store/archive.
    "POST /archive/restore": Entry(own=404, foreign=404, team=404, token=404, body=its_alert),
    "POST ": whole_tenant(new_alert, own=201),
    "GET /audit": listed(),
    "GET /audit/verification": instance(),
    "GET /audit/{reference}": one_object(),
    "GET /channels": instance(),
    "GET /deliveries": instance(),
    "GET /deliveries/statistics": instance(),
    "POST /process-event": whole_tenant(always({"a": 1}), event_tenant),
    "POST /events": whole_tenant(always([{"a": 1}])),
    **{f"GET /events{one}": whole_tenant() for one in ("", "/{event_id}")},
    "GET /feeds": whole_tenant(),
    # There are no public pages in these tests.
    "POST /feeds": replace(whole_tenant(always({"kind": "alerts"}), own=409), token=409),
    "DELETE /feeds/{feed_id}": replace(whole_tenant(own=404), token=404),
    "GET /lifecycle-events": whole_tenant(),
    "GET /event-destinations": instance(),
    "PUT /event-destinations/{name}": instance(body=always({"channel": "sentinel-webhook/none"})),
    "GET /event-destinations/{name}": instance(token=404),
    "DELETE /event-destinations/{name}": instance(token=404),
    "POST /event-destinations/{name}/replay": instance(body=always({"after": 0}), token=404),
    **{f"{method} /heartbeats/{{job}}": whole_tenant() for method in ("POST", "GET")},
    "GET /inbox": listed(),
    "POST /inbox/read": Entry(foreign="hides", team="hides", body=its_message),
    "GET /keys": listed(),
    "POST /keys": Entry(own=201, foreign=403, team=403, body=new_key),
    "GET /keys/{key_id}": one_object(),
    "POST /keys/{key_id}/revoke": one_object(),
    "POST /keys/{key_id}/rotate": one_object(always({"overlap": "1h"})),
    "POST /metrics": whole_tenant(always({"name": "depth", "value": 1})),
    "GET /metrics": whole_tenant(),
    # There is no telemetry store in these tests.
    "POST /logs/ingest": of_telemetry({"message": "x"}),
    **{f"POST /tracing/{noun}": of_telemetry(SPAN) for noun in ("traces", "spans")},
    **{f"POST /v1/{noun}": of_telemetry({}) for noun in ("logs", "traces")},
    "POST /v1/metrics": whole_tenant(always({})),
    **{
        f"GET /{place}": of_telemetry(None)
        for place in (
            "logs/search",
            "logs/errors",
            "logs/tail",
            "logs/histogram",
            "logs/facets",
            "logs/statistics",
            "logs/patterns",
            "logs/anomalies",
            "logs/patterns/{pattern_id}/rate",
            "logs/trace/{trace_id}",
            "logs/lines/{line_id}",
            "tracing/traces",
            "tracing/traces/{trace_id}",
            "tracing/slow-traces",
            "tracing/latency",
            "tracing/statistics",
            "tracing/dependencies",
            "tracing/services/{service_name}/dependencies",
        )
    },
    "POST /requests": of_telemetry([{"status": 200}]),
    "GET /requests": of_telemetry(None),
    "GET /requests/export": of_telemetry(None),
    "GET /usage/export": of_telemetry(None),
    **{f"GET /usage{one}": of_telemetry(None) for one in ("", "/top", "/rising", "/endpoints")},
    "GET /usage/quotas": of_telemetry(None, limit="10 per month quota by key"),
    "GET /usage/consumer": of_telemetry(None, name="ann"),
    "GET /metrics/samples": whole_tenant(query=named_metric),
    **{
        f"POST /people/{verb}": instance(body=lambda place: {"name": place.mark})
        for verb in ("export", "erase")
    },
    **{f"GET /packs{one}": open_to_all() for one in ("", "/{pack}")},
    "GET /system-log": instance(),
    "GET /packs/{pack}/installation": instance(elsewhere=True),
    "PUT /packs/{pack}/installation": instance(elsewhere=True),
    "DELETE /packs/{pack}/installation": instance(elsewhere=True),
    "GET /packs/{pack}/removal": instance(elsewhere=True),
    # Prefect has them, for whoever reaches the tenant and for nobody else.
    "GET /rule-files": Entry(own=503, foreign=503, team=503, elsewhere=True),
    "POST /rule-files/backtest": instance(body=always({**RULE_FILES, "rule": "none"}), token=404),
    "POST /rule-files/diff": instance(body=always(RULE_FILES)),
    "POST /rule-files/plan": instance(elsewhere=True, body=always(RULE_FILES)),
    "POST /rule-files/apply": instance(elsewhere=True, body=always(RULE_FILES)),
    "GET /rules": listed(),
    "GET /access": instance(),
    "GET /access/reviews": instance(),
    "POST /access/reviews": Entry(
        own=403, foreign=403, team=403, token=403, body=always({"comment": "seen"})
    ),
    "GET /access/reviews/{review_id}": instance(token=404),
    "GET /access/separation": instance(),
    "PUT /access/separation": Entry(
        own=403, foreign=403, team=403, body=always({"on": True, "tenant": "acme"})
    ),
    "GET /pending-changes": listed(),
    "GET /pending-changes/{change_id}": one_object(),
    # `maria` asked for the change, and the keys belong to `ada`, who is an editor.
    "POST /pending-changes/{change_id}/approve": decided(200, token=403),
    "POST /pending-changes/{change_id}/reject": decided(200, token=403),
    "POST /pending-changes/{change_id}/withdraw": decided(409, token=409),
    "POST /rules": instance(elsewhere=True),
    "GET /rules/{name}": of_rule(),
    "PUT /rules/{name}": instance(elsewhere=True),
    "PATCH /rules/{name}": instance(elsewhere=True),
    "DELETE /rules/{name}": instance(elsewhere=True),
    "POST /rules/{name}/enable": of_rule(),
    "POST /rules/{name}/disable": of_rule(),
    "GET /rules/{name}/prefect.yaml": of_rule(own=503),
    "GET /rules/{name}/drift": instance(query=in_tenant, elsewhere=True),
    "POST /rules/{name}/runs": of_rule(own=503),
    "GET /rules/{name}/runs/{run_id}": of_rule(own=503),
    "POST /rules/test": instance(elsewhere=True),
    "POST /rules/{name}/backtest": instance(elsewhere=True),
    **{
        f"{method} /{noun}": instance(elsewhere=True)
        for noun in ("policies", "providers")
        for method in ("GET", "POST")
    },
    # Prefect has them, for whoever reaches the tenant and for nobody else.
    "GET /policies": Entry(own=503, foreign=503, team=503, elsewhere=True),
    **{
        f"{method} /{noun}": instance(elsewhere=True)
        for noun in ("policies/{name}", "providers/{provider_id}", "receivers/{name}")
        for method in ("GET", "PUT", "PATCH", "DELETE")
        if (noun, method) != ("receivers/{name}", "PATCH")
    },
    "GET /policies/{name}": of_rule(own=503),
    "GET /admin/settings": instance(),
    "POST /admin/settings": Entry(own=403, foreign=403, team=403, body=always(DEBUGGING)),
    "GET /receivers": instance(),
    "PUT /receivers/{name}/limit": instance(body=always({"per_minute": 7}), token=404),
    "PUT /channels/limits": instance(body=always({"channel": "inbox", "per_minute": None})),
    "PUT /receivers/{name}/announcements": instance(
        body=always({"announce_silences": True}), token=404
    ),
    "GET /receivers/{name}/templates": instance(token=404),
    "PUT /receivers/{name}/templates": instance(body=always({"title": "{title}"}), token=404),
    "DELETE /receivers/{name}/templates": instance(token=404),
    "GET /owners": instance(),
    **{
        f"GET /oncall{rest}": instance()
        for rest in ("", "/versions", "/now", "/shifts", "/coverage", "/calendar.ics", "/overrides")
    },
    "PUT /oncall": instance(body=always({"document": "people: {}"})),
    "GET /oncall/digests/{team}": instance(token=404),
    "GET /oncall/versions/{number}": instance(token=404),
    "POST /oncall/rollback": instance(body=always({"version": 7}), token=404),
    "POST /oncall/overrides": instance(body=always(OVERRIDE), token=404),
    "POST /oncall/swaps": instance(body=always(SWAP), token=404),
    "DELETE /oncall/overrides/{override_id}": instance(token=404),
    "GET /oncall/feeds": instance(),
    "GET /canaries": instance(),
    "POST /canaries": instance(body=always({"receivers": ["none"]}), token=422),
    "POST /oncall/drills": instance(body=always({"team": "none"}), token=404),
    "GET /oncall/drills/latest": instance(query=always({"team": "none"}), token=404),
    "GET /oncall/drills/{drill_id}": instance(token=404),
    "POST /oncall/feeds": instance(body=always({"person": "none"}), token=409),
    "DELETE /oncall/feeds/{feed_id}": instance(token=404),
    "GET /oncall/escalations": instance(),
    "GET /oncall/escalations/statistics": instance(),
    "POST /oncall/escalations/test": instance(body=always({"policy": "none"}), token=404),
    **orchestration_entries(whole_tenant),
    "GET /routes": instance(),
    "PUT /routes": instance(body=always(ROUTES)),
    "GET /routes/versions": instance(),
    "GET /routes/versions/{number}": instance(token=404),
    "POST /routes/shadow": instance(body=always(ROUTES)),
    "GET /routes/shadow": instance(token=404),
    "DELETE /routes/shadow": instance(token=404),
    "POST /routes/rollback": instance(body=always({"version": 0})),
    **{f"POST /routes/{verb}": instance(body=always(ROUTES)) for verb in ("check", "diff")},
    "POST /routes/test": instance(body=always({"labels": {"team": "db"}})),
    **{f"POST /notify/{verb}": instance(body=always(NOTIFY)) for verb in ("plan", "apply")},
    "POST /test-notification": instance(elsewhere=True),
    "GET /silences": listed(),
    "POST /silences": Entry(own=201, foreign=404, team=404, body=new_silence),
    "GET /silences/{silence_id}": one_object(),
    "DELETE /silences/{silence_id}": one_object(),
    # The silence of a rule, whose end is not moved.
    "PATCH /silences/{silence_id}": Entry(
        own=409, token=409, foreign=404, team=404, body=always({"duration_minutes": 5})
    ),
    "POST /silences/preview": Entry(foreign=403, team=403, body=previewed),
    "GET /services": listed(),
    **{
        f"GET /services/-/{rest}": Entry(foreign="hides", team="hides", query=in_tenant)
        for rest in ("affected", "dependencies", "readiness")
    },
    "POST /services/-/apply": Entry(foreign=403, team=403, body=new_services),
    "PUT /services/{service}": Entry(foreign=403, team=403, body=its_service),
    "DELETE /services/{service}": one_in_tenant(),
    **{
        f"GET /services/{{service}}{rest}": one_in_tenant()
        for rest in ("", "/blast-radius", "/readiness")
    },
    "GET /status-pages": listed(),
    "PUT /status-pages/{status_page}": Entry(foreign=403, team=403, body=its_page),
    **{
        f"{method} /status-pages/{{status_page}}": Entry(foreign=404, team=404)
        for method in ("GET", "DELETE")
    },
    "POST /status-pages/{status_page}/token": Entry(own=201, foreign=404, team=404),
    "GET /status-pages/{status_page}/subscribers": Entry(foreign=404, team=404),
    "DELETE /status-pages/{status_page}/subscribers/{subscriber}": Entry(foreign=404, team=404),
    **consumer_key_entries(Entry),
    **limit_entries(Entry),
    **incident_entries(),
    **{f"GET /slo{rest}": listed() for rest in ("", "/violations", "/report")},
    # Prefect has their rules.
    "POST /slo": Entry(own=503, foreign=403, team=403, token=503, body=new_slo),
    "PUT /slo/{slo_id}": Entry(own=503, foreign=403, team=403, token=503, body=its_slo),
    "DELETE /slo/{slo_id}": Entry(own=503, foreign=404, team=404, token=503, query=in_tenant),
    "POST /slo/{slo_id}/measurements": Entry(
        own=201, foreign=404, team=404, query=in_tenant, body=measured
    ),
    **{f"GET /slo/{{slo_id}}{rest}": one_in_tenant() for rest in FIGURES},
    "GET /fatigue": listed(),
    "GET /fatigue/{name}": Entry(foreign=404, team=404, query=in_tenant),
    # There are too few alerts for any advice.
    "POST /fatigue/{name}/advice/{kind}": instance(query=in_tenant, token=404),
    "GET /statistics": listed(),
    "GET /users": instance(),
    "POST /users": instance(body=new_user),
    **{f"{method} /users/{{person}}": instance() for method in ("GET", "DELETE")},
    "PUT /users/{person}/password": instance(body=always({"password": "seven green bicycles"})),
    "POST /users/{person}/disable": instance(),
    "POST /users/{person}/enable": instance(),
    "DELETE /users/{person}/sessions": instance(),
    "PUT /users/{person}/roles": instance(body=always({"role": "viewer"})),
    "DELETE /users/{person}/roles": instance(query=always({"all": "true"})),
    # Everybody's own, whoever asks.
    "GET /views": open_to_all(),
    "PUT /views/{page}/{name}": Entry(foreign=200, team=200, body=always({"query": "q=a"})),
    "DELETE /views/{page}/{name}": one_object(),
    "GET /dashboards": open_to_all(),
    "GET /dashboards/{name}": one_object(),
    "PUT /dashboards/{name}": Entry(foreign=200, team=200, body=always({"tiles": []})),
    "DELETE /dashboards/{name}": one_object(),
    "POST /bounces/{vendor}": instance(body=always({})),
    "POST /bounces/sendgrid": instance(body=always([])),
    **{f"POST /webhooks/{one}": whole_tenant(FIRING) for one in ("prometheus", "grafana")},
    "POST /intake/{mapping}": whole_tenant(always({"code": "a", "status": "down"})),
    "GET /health": open_to_all(),
    "GET /ready": open_to_all(),
    "GET =/metrics": open_to_all(),
    "GET /suite-info": open_to_all(),
    # Everybody's own session: test_login.
    "POST /login": open_to_all(),
    "POST /logout": open_to_all(),
    "GET /me": open_to_all(),
    # The key in its path says of which tenant it is, whoever asks.
    "GET /ping/{job}/{key}": open_to_all(in_tenant),
    "POST /ping/{job}/{key}": open_to_all(in_tenant),
    "HEAD /ping/{job}/{key}": open_to_all(in_tenant),
    **{
        f"{method} {prefix}/{{alert_id}}/{step}": one_object()
        for prefix in ("", "/alerts")
        for method, step in (
            ("POST", "acknowledge"),
            ("PUT", "acknowledge"),
            ("POST", "resolve"),
            ("PUT", "resolve"),
            ("POST", "silence"),
        )
    },
}


def entry_of(method: str, path: str) -> Entry | None:
    """The entry of a route, which may be at several addresses."""
    # An address after `=` is the whole of it.
    if exact := ENTRIES.get(f"{method} ={path}"):
        return exact
    stems = (path, *(re.sub(f"^/api(/v1)?{more}", "", path) for more in ("(/alerts)?", "")))
    return next((ENTRIES[one] for one in (f"{method} {s}" for s in stems) if one in ENTRIES), None)
