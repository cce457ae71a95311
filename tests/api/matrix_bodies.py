"""Bodies of requests for the access matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.api.matrix_entries import Place


def new_alert(place: Place) -> dict[str, Any]:
    return {"alert_name": f"new-{place.tenant}"}


def comment_on_all(place: Place) -> dict[str, Any]:
    return {"action": "comment", "note": "seen", "matching": {"tenant": place.tenant}}


def new_silence(place: Place) -> dict[str, Any]:
    return {"rule": f"rule-{place.mark}", "tenant": place.tenant, "duration_minutes": 5}


def previewed(place: Place) -> dict[str, Any]:
    return {"matchers": [f'team="{place.mark}"'], "tenant": place.tenant}


def its_service(place: Place) -> dict[str, Any]:
    return {"name": place.mark, "tenant": place.tenant, "owner": "db"}


def its_page(place: Place) -> dict[str, Any]:
    return {"name": place.mark, "tenant": place.tenant, "title": "Status",
            "components": [{"service": "checkout"}]}  # fmt: skip


def new_services(place: Place) -> dict[str, Any]:
    return {"services": [its_service(place) | {"name": "new"}]}


def its_alert(place: Place) -> Any:
    return {"ids": [place.alert]}


def its_message(place: Place) -> dict[str, Any]:
    return {"ids": [place.mark]}


def new_user(place: Place) -> dict[str, Any]:
    return {"name": "new", "role": "viewer", "password": "seven green bicycles"}


def new_key(place: Place) -> dict[str, Any]:
    return {"name": f"new-{place.mark}", "role": "viewer", "tenants": [place.tenant]}


ROUTES = {"document": "route: {receiver: default}"}
NOTIFY = {"document": {"notify.yaml": "route: {receiver: default}"}}
RULE_FILES = {"document": {"rules.yaml": "deployments: []"}}
OVERRIDE: dict[str, Any] = {
    "schedule": "none", "people": [], "start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z"
}  # fmt: skip
SWAP = {
    "schedule": "none", "first": "2030-01-01T00:00:00Z", "second": "2030-01-08T00:00:00Z"
}  # fmt: skip
DEBUGGING = {"key": "alert_debug_mode", "value": "true"}
SPAN = {"operation_name": "x", "start_time": "2026-01-01T00:00:00Z", "trace_id": "1" * 32}
