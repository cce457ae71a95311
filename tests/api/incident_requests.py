"""Requests about incidents, for the access matrix."""

from __future__ import annotations

from typing import Any

from tests.api.matrix_entries import (
    Entry,
    Place,
    always,
    instance,
    listed,
    one_object,
)

__all__ = ["incident_entries"]

_READ = ("", "/alerts", "/timeline", "/runbook", "/action-items", "/post-mortem",
         "/post-mortem/versions")  # fmt: skip
_CHANGES: dict[str, Any] = {
    "PATCH ": {"title": "other"},
    "POST /status": {"status": "monitoring"},
    "POST /assign": {"assignee": "ben"},
    "POST /root-cause": {"root_cause": "a full disk"},
    "POST /runbook/steps/{number}": {"act": "done"},
    "PUT /post-mortem": {"document": "what was"},
    "PATCH /action-items/{item_id}": {"done": True},
}
_CREATED: dict[str, Any] = {
    "/updates": {"message": "news"}, "/action-items": {"title": "watch disks"}
}  # fmt: skip


def new_incident(place: Place) -> dict[str, Any]:
    return {"title": f"new-{place.tenant}", "tenant": place.tenant}


def its_alert(place: Place) -> dict[str, Any]:
    return {"alerts": [place.alert]}


def incident_entries() -> dict[str, Entry]:
    one = "/incidents/{incident_id}"
    return {
        **{f"GET /incidents{rest}": listed() for rest in ("", "/active", "/statistics")},
        "POST /incidents": Entry(own=201, foreign=403, team=403, body=new_incident),
        **{f"GET {one}{rest}": one_object() for rest in _READ},
        **{
            name.replace(" ", f" {one}"): one_object(always(body))
            for name, body in _CHANGES.items()
        },
        **{
            f"POST {one}{rest}": Entry(own=201, foreign=404, team=404, body=always(body))
            for rest, body in _CREATED.items()
        },
        f"POST {one}/alerts": one_object(its_alert),
        f"DELETE {one}/alerts/{{alert_id}}": one_object(),
        **{f"GET /incidents/policies{rest}": instance() for rest in ("", "/versions")},
        "PUT /incidents/policies": instance(body=always({"document": "policies: []"})),
        "GET /incidents/policies/versions/{number}": instance(token=404),
        "POST /incidents/policies/rollback": instance(body=always({"version": 7}), token=404),
    }
