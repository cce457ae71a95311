"""Event policies over HTTP: each is a rule with the check `event_policy`, and so a deployment.

Many policies belong in a pack, which is one deployment: see the rules with the check `event_pack`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, Tenant, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.once import OnceOnPrefect, OnceRoute
from sentinel.api.pending_changes import WAITS
from sentinel.api.problems import responses
from sentinel.api.rule_bodies import given_of
from sentinel.api.rule_changes import RuleName
from sentinel.api.shown_rules import allow, enabled_now, made_rules, store_of, switched
from sentinel.checks.event_port import POLICY_TRIGGER
from sentinel.errors import NotFound
from sentinel.event_policies.model import EventPolicy
from sentinel.rollout.plan import Live
from sentinel.rollout.rule_draft import Draft, draft_of, etag_of
from sentinel.rollout.rule_words import slug_of

__all__ = ["router"]

router = APIRouter(prefix="/policies", tags=["event policies"], route_class=OnceRoute)

_EXAMPLE: dict[str, Any] = {
    "name": "Failed Login Alerts",
    "description": "Alert on multiple failed login attempts",
    "enabled": True,
    "rules": [
        {"field": "event_type", "operator": "eq", "value": "user_login", "case_sensitive": True},
        {"field": "status", "operator": "eq", "value": "failed", "case_sensitive": True},
    ],
    "match_all": True,
    "severity": "high",
    "message_template": "Failed login attempt by user {user_id} from IP {ip_address}",
    "summary_template": "Failed login alert for {user_id}",
    "throttle_minutes": 5,
    "max_alerts_per_hour": 10,
    "providers": ["pagerduty-001", "slack-001"],
}


class PolicyNew(EventPolicy):
    """An event policy to create."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]}
    )


if TYPE_CHECKING:

    class _Part(BaseModel):
        """The fields of an event policy, each of which may be left out."""

else:
    _Part = create_model(
        "PolicyFields",
        **{
            name: (
                field.rebuild_annotation() | None,
                Field(default=None, description=field.description),
            )
            for name, field in EventPolicy.model_fields.items()
        },
    )


class PolicyChange(_Part):
    """The fields of an event policy that change; null is as good as left out."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"severity": "critical"}]}
    )


class PolicyItem(BaseModel):
    """An event policy, and the rule that it is."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="Name of the rule, for the addresses about it.")
    name: str
    tenant: str
    enabled: bool
    owner: str = Field(description="Who may change it: file, ui or api.")
    deployment_id: str
    notes: list[str] = Field(default_factory=list[str], description="What has no effect yet.")


class PolicyList(BaseModel):
    """A page of event policies, by name."""

    items: list[PolicyItem]
    next_cursor: str | None = None


@router.post(
    "",
    summary="Create an event policy",
    status_code=201,
    response_model=PolicyItem,
    responses={
        **responses(400, 403, 409, 413),
        201: {"headers": ETAG, "description": "The policy; Location is its address"},
    },
    openapi_extra=described_as(PolicyNew),
    dependencies=[OnceOnPrefect],
)
@needs(Permission.EDIT, "rules")
def create(request: Request, response: Response, body: Body, who: Acting) -> PolicyItem:
    """Create an event policy. It becomes a rule, and so a Prefect deployment of the owner `api`.

    Events are matched as they arrive. If Prefect is down or refuses it, nothing is stored.

    Returns:
        The policy.
    """
    asked = read_as(PolicyNew, body)
    given = given_of(asked)
    tenant = asked.tenant
    allow(who, Permission.EDIT, tenant)
    policy = {name: value for name, value in given.items() if name != "enabled"}
    with made_rules(request) as rules:
        live = rules.create(
            _drafted(policy, slug_of(asked.name)), actor=who.name, enabled=asked.enabled, given={}
        )
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{live.name}"
    return _shown(request, response, live, notes=True)


@router.get("", summary="List event policies", responses=responses(403))
@needs(Permission.READ, "rules", confined=True)
def list_policies(
    request: Request,
    who: Acting,
    tenant: Tenant | None = None,
    enabled: Annotated[bool | None, Query(description="Only those switched on, or off.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=100, description="next_cursor of the previous page.")
    ] = None,
) -> PolicyList:
    """List the policies that are a rule each, by name; those of packs are not among them."""
    with made_rules(request) as rules:
        found = rules.of_check(POLICY_TRIGGER)
    items = [_item(request, live) for live in sorted(found, key=lambda one: one.name)]
    chosen = [
        one
        for one in items
        if (tenant is None or one.tenant == tenant)
        and (enabled is None or one.enabled is enabled)
        and (cursor is None or one.id > cursor)
        and who.allows(Permission.READ, one.tenant)
    ]
    page = chosen[:limit]
    return PolicyList(items=page, next_cursor=page[-1].id if len(chosen) > limit else None)


@router.get(
    "/{name}",
    summary="One event policy",
    responses={**responses(403, 404), 200: {"headers": ETAG, "description": "The policy"}},
)
@needs(Permission.READ, "rules", confined=True)
def read(
    request: Request, response: Response, name: RuleName, who: Acting, tenant: Tenant = "default"
) -> PolicyItem:
    """Return one event policy."""
    return _shown(request, response, _found(request, name, tenant, who))


@router.put(
    "/{name}",
    summary="Change an event policy (PUT)",
    responses={**responses(400, 403, 404, 409, 412, 413), **WAITS},
    openapi_extra=described_as(PolicyChange),
)
@router.patch(
    "/{name}",
    summary="Change an event policy",
    responses={**responses(400, 403, 404, 409, 412, 413), **WAITS},
    openapi_extra=described_as(PolicyChange),
)
@needs(Permission.EDIT, "rules")
def change(
    request: Request,
    response: Response,
    name: RuleName,
    body: Body,
    who: Acting,
    tenant: Tenant = "default",
    if_match: IfMatch = None,
) -> PolicyItem:
    """Change the fields that the body gives; the others stay as they are.

    Returns:
        The policy afterwards.
    """
    given = given_of(read_as(PolicyChange, body))
    live = _found(request, name, tenant, who)
    allow(who, Permission.EDIT, tenant)
    on = given.pop("enabled", None)
    enabled = _enabled(request, live)

    def edit(draft: Draft) -> tuple[Draft, Mapping[str, Any]]:
        check_match(if_match, etag_of(draft, enabled=enabled_now(request, name, tenant)))
        return _drafted({**draft.parameters["policy"], **given}, name, draft), {}

    check_match(if_match, _version(request, live))
    # Held over both, so that no rollout begins between the fields and the switch.
    with made_rules(request) as rules, rules.alone(name):
        if given:
            live = rules.change(name, tenant, edit, actor=who.name, enabled=on)
        if on is not None and on != enabled:
            if not given:
                check_match(if_match, _version(request, _found(request, name, tenant, who)))
            switched(request, name, tenant, who.name, on=on)
    return _shown(request, response, live, notes=True)


@router.delete(
    "/{name}",
    summary="Delete an event policy",
    status_code=204,
    responses={**responses(403, 404, 409, 412), **WAITS},
)
@needs(Permission.EDIT, "rules")
def delete(
    request: Request,
    name: RuleName,
    who: Acting,
    tenant: Tenant = "default",
    if_match: IfMatch = None,
) -> None:
    """Delete an event policy with its deployment; its alerts close as "rule disabled"."""
    _found(request, name, tenant, who)
    allow(who, Permission.EDIT, tenant)

    def check(live: Live | None) -> None:
        if live is not None:
            check_match(if_match, _version(request, live))

    with made_rules(request) as rules:
        rules.delete(name, tenant, actor=who.name, check=check)


def _drafted(policy: Mapping[str, Any], name: str, before: Draft | None = None) -> Draft:
    """Return the draft of the rule that a policy is."""
    own = {
        "name": name, "tenant": policy.get("tenant"), "severity": policy.get("severity"),
        "description": policy.get("description"),
    }  # fmt: skip
    rule = dict(before.rule) if before else {}
    rule |= {field: value for field, value in own.items() if value}
    made = before or Draft(trigger=POLICY_TRIGGER)
    return msgspec.structs.replace(made, parameters={"policy": dict(policy)}, rule=rule)


def _found(request: Request, name: str, tenant: str, who: Acting) -> Live:
    missing = NotFound(f"there is no event policy {name!r}", hint="GET …/policies lists all.")
    if not who.allows(Permission.READ, tenant):  # before Prefect is asked, whose answer takes time
        raise missing
    with made_rules(request) as rules:
        live = rules.find(name, tenant)
    if live is None or draft_of(live.deployment).trigger != POLICY_TRIGGER:
        raise missing
    return live


def _enabled(request: Request, live: Live) -> bool:
    tenant = str(draft_of(live.deployment).rule.get("tenant") or "default")
    return enabled_now(request, live.name, tenant)


def _version(request: Request, live: Live) -> str:
    return etag_of(draft_of(live.deployment), enabled=_enabled(request, live))


def _item(request: Request, live: Live, notes: list[str] | None = None) -> PolicyItem:
    draft = draft_of(live.deployment)
    policy: dict[str, Any] = dict(draft.parameters.get("policy") or {})
    own = {
        "id": live.name,
        "name": policy.get("name") or live.name,
        "tenant": str(draft.rule.get("tenant") or "default"),
        "enabled": _enabled(request, live),
        "owner": live.owner,
        "deployment_id": live.id,
        "notes": notes or [],
    }
    return PolicyItem.model_validate({**policy, **own})


def _shown(request: Request, response: Response, live: Live, *, notes: bool = False) -> PolicyItem:
    said: list[str] = []
    draft = draft_of(live.deployment)
    if notes:
        policy: dict[str, Any] = draft.parameters.get("policy") or {}
        known = store_of(request).receivers.all()
        providers: list[str] = policy.get("providers") or []
        for name in providers:
            if name not in known:
                said.append(
                    f"there is no provider {name} yet, so the receiver default is notified "
                    "instead; create it with POST /api/v1/alerts/providers"
                )
    item = _item(request, live, said)
    response.headers["ETag"] = etag_of(draft, enabled=item.enabled)
    return item
