"""What people change on the pages, programs change over HTTP, with the same permission."""

from __future__ import annotations

from typing import Any

from dashboard.command_permissions import PERMISSIONS
from tests.api.document import document

BASE = "/api/v1/alerts"
INCIDENTS = "/api/incidents"
ONLY_HERE = {
    "SavePrefectAddresses": "it writes a file on the machine, for the next start there",
}
OVER_HTTP: dict[str, str] = {
    "AlertCommand": f"POST {BASE}/alerts/bulk",
    "AcknowledgeGroup": f"POST {BASE}/alerts/bulk",
    "MarkRead": f"POST {BASE}/inbox/read",
    "SilenceRule": f"POST {BASE}/silences",
    "EndSilence": f"DELETE {BASE}/silences/{{silence_id}}",
    "CreateSilence": f"POST {BASE}/silences",
    "ExtendSilence": f"PATCH {BASE}/silences/{{silence_id}}",
    "ExpireSilence": f"DELETE {BASE}/silences/{{silence_id}}",
    "SwitchRule": f"POST {BASE}/rules/{{name}}/disable",
    "RunRule": f"POST {BASE}/rules/{{name}}/runs",
    "SaveRule": f"PATCH {BASE}/rules/{{name}}",
    "DeleteRule": f"DELETE {BASE}/rules/{{name}}",
    "TryRule": f"POST {BASE}/rules/test",
    "BacktestRule": f"POST {BASE}/rules/{{name}}/backtest",
    "ApplyAdvice": f"POST {BASE}/fatigue/{{name}}/advice/{{kind}}",
    "PlanRules": f"POST {BASE}/rule-files/plan",
    "ImportRules": f"POST {BASE}/rule-files/apply",
    "InstallPack": f"PUT {BASE}/packs/{{pack}}/installation",
    "RemovePack": f"DELETE {BASE}/packs/{{pack}}/installation",
    "DecideChange": f"POST {BASE}/pending-changes/{{change_id}}/approve",
    "CertifyAccess": f"POST {BASE}/access/reviews",
    "SetReceiver": f"PUT {BASE}/receivers/{{name}}",
    "RemoveReceiver": f"DELETE {BASE}/receivers/{{name}}",
    "SendTestMessage": f"POST {BASE}/test-notification",
    "SaveChannel": f"PATCH {BASE}/providers/{{provider_id}}",
    "RemoveChannel": f"DELETE {BASE}/providers/{{provider_id}}",
    "AddOverride": f"POST {BASE}/oncall/overrides",
    "SwapShifts": f"POST {BASE}/oncall/swaps",
    "RemoveOverride": f"DELETE {BASE}/oncall/overrides/{{override_id}}",
    "ApplyDocument": f"PUT {BASE}/routes",
    "RollBackDocument": f"POST {BASE}/routes/rollback",
    "StartShadow": f"POST {BASE}/routes/shadow",
    "StopShadow": f"DELETE {BASE}/routes/shadow",
    "SetTemplate": f"PUT {BASE}/receivers/{{name}}/templates",
    "LimitReceiver": f"PUT {BASE}/receivers/{{name}}/limit",
    "LimitChannel": f"PUT {BASE}/channels/limits",
    "AnnounceSilences": f"PUT {BASE}/receivers/{{name}}/announcements",
    "CreateUser": f"POST {BASE}/users",
    "SetPassword": f"PUT {BASE}/users/{{person}}/password",
    "DisableUser": f"POST {BASE}/users/{{person}}/disable",
    "EnableUser": f"POST {BASE}/users/{{person}}/enable",
    "EndSessions": f"DELETE {BASE}/users/{{person}}/sessions",
    "DeleteUser": f"DELETE {BASE}/users/{{person}}",
    "GrantRole": f"PUT {BASE}/users/{{person}}/roles",
    "RevokeRole": f"DELETE {BASE}/users/{{person}}/roles",
    "PutBackRoles": f"PUT {BASE}/users/{{person}}/roles",
    "CreateKey": f"POST {BASE}/keys",
    "RotateKey": f"POST {BASE}/keys/{{key_id}}/rotate",
    "RevokeKey": f"POST {BASE}/keys/{{key_id}}/revoke",
    "SaveBoard": f"PUT {BASE}/dashboards/{{name}}",
    "RemoveBoard": f"DELETE {BASE}/dashboards/{{name}}",
    "OpenIncident": f"POST {INCIDENTS}",
    "MoveIncident": f"POST {INCIDENTS}/{{incident_id}}/status",
    "PostUpdate": f"POST {INCIDENTS}/{{incident_id}}/updates",
    "AssignIncident": f"POST {INCIDENTS}/{{incident_id}}/assign",
    "SetRootCause": f"POST {INCIDENTS}/{{incident_id}}/root-cause",
    "EditIncident": f"PATCH {INCIDENTS}/{{incident_id}}",
    "TakeOutAlert": f"DELETE {INCIDENTS}/{{incident_id}}/alerts/{{alert_id}}",
    "ActOnStep": f"POST {INCIDENTS}/{{incident_id}}/runbook/steps/{{number}}",
    "AddActionItem": f"POST {INCIDENTS}/{{incident_id}}/action-items",
    "EditActionItem": f"PATCH {INCIDENTS}/{{incident_id}}/action-items/{{item_id}}",
    "SavePostMortem": f"PUT {INCIDENTS}/{{incident_id}}/post-mortem",
    "SaveLimits": "PUT /api/v1/limit-sets/{limit_set}",
    "RemoveLimits": "DELETE /api/v1/limit-sets/{limit_set}",
    "CreateConsumerKey": "POST /api/v1/keys",
    "RotateConsumerKey": "POST /api/v1/keys/{consumer_key_id}/rotate",
    "RevokeConsumerKey": "POST /api/v1/keys/{consumer_key_id}/revoke",
    "DecideRemediation": f"POST {BASE}/alerts/{{alert_id}}/remedy/approve",
    "SaveSlo": "PUT /api/slo/{slo_id}",
    "DeleteSlo": "DELETE /api/slo/{slo_id}",
    "SaveView": f"PUT {BASE}/views/{{page}}/{{name}}",
    "RemoveView": f"DELETE {BASE}/views/{{page}}/{{name}}",
}


def test_every_command_of_the_pages_is_an_operation_that_needs_the_same_permission():
    assert {kind.__name__ for kind in PERMISSIONS} == {*OVER_HTTP, *ONLY_HERE}
    paths: dict[str, Any] = document()["paths"]
    differing: dict[str, tuple[str, str]] = {}
    for kind, permission in PERMISSIONS.items():
        if kind.__name__ in ONLY_HERE:
            continue
        method, path = OVER_HTTP[kind.__name__].split()
        needed = paths[path][method.lower()]["x-permission"]
        if needed != str(permission):
            differing[kind.__name__] = (str(permission), needed)
    assert differing == {}
