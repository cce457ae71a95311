"""Rules over HTTP: create, read, change, delete, switch and export one.

A rule that is made here is a Prefect deployment whose owner is `api`. Rules of other owners are
read and switched here, and changed where they belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.answers import json_response
from sentinel.api.bodies import Body, Tenant, described_as, read_as
from sentinel.api.editing import ETAG, IfMatch, check_match
from sentinel.api.needs import needs
from sentinel.api.once import OnceOnPrefect, OnceRoute
from sentinel.api.parts import Fields, chosen, only
from sentinel.api.pending_changes import WAITS
from sentinel.api.problems import responses
from sentinel.api.rule_bodies import RuleBody, RuleDetail, RuleNew, Switch, given_of
from sentinel.api.shown_rules import (
    Shown,
    allow,
    enabled_now,
    made_rules,
    readable_rule,
    rule_shown,
    store_of,
    switched,
    team_of,
)
from sentinel.errors import NotFound
from sentinel.rollout.exported import entry_of, written
from sentinel.rollout.plan import Live
from sentinel.rollout.rule_draft import Draft, etag_of
from sentinel.rollout.rule_words import Worded, worded
from sentinel.rollout.shipped_rules import known_to
from sentinel.store.rules.made import given_words
from sentinel.tenant import TENANT_PATTERN

__all__ = ["RuleName", "router"]

router = APIRouter(prefix="/rules", tags=["rules"], route_class=OnceRoute)

RuleName = Annotated[
    str,
    Path(
        pattern=f"^({TENANT_PATTERN})$",
        description="The name of the rule.",
        examples=["high-cpu-usage"],
    ),
]
_CHANGED: dict[str, Any] = {
    "response_model": RuleDetail,
    "responses": {
        **responses(400, 403, 404, 409, 412, 413),
        **WAITS,
        200: {"headers": ETAG, "description": "The rule as it is now"},
    },
    "openapi_extra": described_as(RuleBody),
}


@router.post(
    "",
    summary="Create a rule",
    status_code=201,
    response_model=RuleDetail,
    responses={
        **responses(400, 403, 409, 413),
        201: {"headers": ETAG, "description": "The rule; Location is its address"},
    },
    openapi_extra=described_as(RuleNew),
    dependencies=[OnceOnPrefect],
)
@needs(Permission.EDIT, "rules")
def create(request: Request, response: Response, body: Body, who: Acting) -> RuleDetail:
    """Create a rule, which becomes a Prefect deployment with the owner `api`.

    The body has the fields of a rule, or the words of other systems (`threshold_value`,
    `comparison_operator`, `evaluation_window_minutes`, …). What it checks is its `trigger`, its
    `metric`, or its `condition`; without any, its name is matched to a shipped check (cpu, memory,
    disk, service, database, backup), and `matched` and `notes` say which. If Prefect is down or
    refuses it, nothing is stored.

    Returns:
        The rule.
    """
    asked = read_as(RuleNew, body)
    given = given_of(asked)
    tenant = str(given.get("tenant") or "default")
    allow(who, Permission.EDIT, tenant, str(given.get("team") or ""))
    found = worded(given, known_to(store_of(request), tenant))
    with made_rules(request) as rules:
        live = rules.create(
            found.draft, actor=who.name, enabled=asked.enabled is not False, given=given
        )
    shown = rule_shown(
        request, live.name, tenant, live=live, matched=found.matched, notes=found.notes
    )
    response.headers["Location"] = f"{request.url.path.rstrip('/')}/{live.name}"
    return _tagged(response, shown)


@router.get(
    "/{name}",
    summary="One rule",
    responses={
        **responses(403, 404),
        200: {"model": RuleDetail, "headers": ETAG, "description": "The rule"},
    },
)
@needs(Permission.READ, "rules", confined=True)
def read(
    request: Request,
    name: RuleName,
    who: Acting,
    tenant: Tenant = "default",
    fields: Fields = None,
) -> Response:
    """Return a rule with its deployment, its last evaluation and the words it was made of."""
    shown = readable_rule(request, name, tenant, who)
    names = chosen(fields, RuleDetail.model_fields)
    answer = json_response(
        shown.detail.model_dump_json(include=set(only(names, RuleDetail.model_fields))).encode()
    )
    answer.headers["ETag"] = shown.etag
    return answer


@router.put("/{name}", summary="Change a rule (PUT)", **_CHANGED)
@router.patch("/{name}", summary="Change a rule", **_CHANGED)
@needs(Permission.EDIT, "rules")
def change(
    request: Request,
    response: Response,
    name: RuleName,
    body: Body,
    who: Acting,
    tenant: Tenant = "default",
    if_match: IfMatch = None,
) -> RuleDetail:
    """Change the fields that the body gives; the others stay as they are.

    `enabled` alone is the rule's switch, which every rule has; the other fields only a rule whose
    owner is `api`. With `If-Match`, a version that somebody changed meanwhile is refused.

    Returns:
        The rule afterwards.
    """
    asked = read_as(RuleBody, body)
    given = given_of(asked)
    before = readable_rule(request, name, tenant, who)
    allow(who, Permission.EDIT, tenant, team_of(before))
    check_match(if_match, before.etag)
    if "team" in given:
        allow(who, Permission.EDIT, tenant, str(given["team"]))
    found: list[Worded] = []

    def edit(draft: Draft) -> tuple[Draft, Mapping[str, Any]]:
        check_match(if_match, etag_of(draft, enabled=enabled_now(request, name, tenant)))
        store = store_of(request)
        found.append(
            worded(given, known_to(store, tenant), draft, given_words(store, tenant, name))
        )
        return found[0].draft, found[0].given

    live = None
    fields = bool(given.keys() - {"enabled"})
    # Held over both, so that no rollout begins between the fields and the switch.
    with made_rules(request) as rules, rules.alone(name):
        if fields:
            live = rules.change(name, tenant, edit, actor=who.name, enabled=asked.enabled)
        if asked.enabled is not None and asked.enabled != before.detail.enabled:
            if not fields:
                check_match(if_match, rule_shown(request, name, tenant).etag)
            switched(request, name, tenant, who.name, on=asked.enabled)
    notes = found[0].notes if found else []
    return _tagged(response, rule_shown(request, name, tenant, live=live, notes=notes))


@router.delete(
    "/{name}",
    summary="Delete a rule",
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
    """Delete a rule whose owner is `api`, with its deployment.

    Its alerts close as "rule disabled", never as recovered, and stay in the history.
    """
    before = readable_rule(request, name, tenant, who)
    allow(who, Permission.EDIT, tenant, team_of(before))

    def check(live: Live | None) -> None:
        check_match(if_match, rule_shown(request, name, tenant, live=live).etag)

    with made_rules(request) as rules:
        rules.delete(name, tenant, actor=who.name, check=check)


@router.post(
    "/{name}/enable", summary="Enable a rule", responses={**responses(403, 404, 409), **WAITS}
)
@needs(Permission.EDIT, "rules", confined=True)
def enable(request: Request, name: RuleName, who: Acting, tenant: Tenant = "default") -> RuleDetail:
    """Enable a rule; a repetition changes nothing."""
    before = readable_rule(request, name, tenant, who)
    allow(who, Permission.EDIT, tenant, team_of(before))
    switched(request, name, tenant, who.name, on=True, scope=who.scope(Permission.EDIT))
    return rule_shown(request, name, tenant).detail


@router.post(
    "/{name}/disable",
    summary="Disable a rule",
    responses={**responses(400, 403, 404, 409, 413), **WAITS},
)
@needs(Permission.EDIT, "rules", confined=True)
def disable(
    request: Request,
    name: RuleName,
    who: Acting,
    tenant: Tenant = "default",
    why: Switch | None = None,
) -> RuleDetail:
    """Disable a rule until it is enabled again; no deploy enables it. The body may be left out.

    Its alerts close as "rule disabled", never as recovered.

    Returns:
        The rule.
    """
    before = readable_rule(request, name, tenant, who)
    allow(who, Permission.EDIT, tenant, team_of(before))
    switched(
        request, name, tenant, who.name, on=False, reason=why.reason if why else "",
        scope=who.scope(Permission.EDIT),
    )  # fmt: skip
    return rule_shown(request, name, tenant).detail


@router.get(
    "/{name}/prefect.yaml",
    summary="Export a rule",
    responses={
        **responses(403, 404),
        200: {
            "content": {"text/plain": {"schema": {"type": "string"}}},
            "description": "A file for `prefect deploy`",
        },
    },
)
@needs(Permission.READ, "rules", confined=True)
def export(
    request: Request,
    name: RuleName,
    who: Acting,
    tenant: Tenant = "default",
    form: Annotated[Literal["yaml", "json"], Query(alias="format")] = "yaml",
) -> PlainTextResponse:
    """Return the rule as a file that `prefect deploy` and `sentinel deploy` take.

    Secrets are not in it: a rule names the block that holds them.

    Returns:
        The text of the file.

    Raises:
        NotFound: Prefect has no deployment of this rule
    """
    readable_rule(request, name, tenant, who)
    with made_rules(request) as rules:
        live = rules.find(name, tenant)
    if live is None:
        raise NotFound(f"Prefect has no deployment of the rule {name!r}")
    return PlainTextResponse(written([entry_of(live.deployment)], form))


def _tagged(response: Response, shown: Shown) -> RuleDetail:
    response.headers["ETag"] = shown.etag
    return shown.detail
