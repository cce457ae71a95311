"""What the routes about rules share: the connection to Prefect, and how a rule is shown."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

import msgspec
from fastapi import Request

from sentinel.access import EVERYTHING, Permission, Principal, Scope
from sentinel.api.problems import Problem
from sentinel.api.rule_bodies import DeploymentOfRule, RuleDetail
from sentinel.api.schemas import RuleItem
from sentinel.errors import NotFound, PrefectUnreachable
from sentinel.links import Addresses
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.flow_cache import Facts, FlowCache
from sentinel.rollout.made_rules import MadeRules
from sentinel.rollout.plan import Live
from sentinel.rollout.rule_draft import Draft, draft_of, etag_of
from sentinel.rules.health import explain, health_of
from sentinel.schema.rules import RuleRow
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.rules.health import FACTS, NONE, alert_counts, facts_of

__all__ = [
    "Shown",
    "allow",
    "enabled_now",
    "made_rules",
    "readable_rule",
    "rollout_here",
    "rule_shown",
    "store_of",
    "switched",
    "team_of",
]

TRIES = 4
"""Attempts of a request to a Prefect that is busy, while somebody waits for the answer."""


def store_of(request: Request) -> Store:
    """Return the store of the application that serves `request`."""
    return cast("Store", request.app.state.store)


@contextmanager
def made_rules(request: Request) -> Generator[MadeRules]:
    """Yield the rules that this API makes, connected to Prefect.

    Args:
        request: whose application has the settings

    Yields:
        The rules.
    """
    with rollout_here(request) as (api, cache):
        yield MadeRules(store_of(request), api, cache)


@contextmanager
def rollout_here(request: Request) -> Generator[tuple[RolloutApi, FlowCache]]:
    """Yield what plans a rollout: the API of the Prefect server, and facts about flows.

    Args:
        request: whose application has the settings

    Yields:
        Both.
    """
    settings = cast("Settings", request.app.state.settings)
    with RolloutApi.of(settings) as api:
        api.tries, api.waits_for_server = TRIES, False
        yield api, FlowCache(_facts, settings.resolved_home() / "rollout-facts.json")


def _facts() -> Facts:
    from flows import flow_facts  # the import takes seconds, and only a new check needs it

    return flow_facts


def allow(who: Principal, permission: Permission, tenant: str, team: str = "") -> None:
    """Refuse what belongs to a tenant or team that the principal has no say in.

    Args:
        who: the principal
        permission: what is to be done
        tenant: of the object
        team: of the object; empty for none

    Raises:
        Problem: 403
    """
    if not who.allows(permission, tenant, team):
        of_team = f", team {team}" if team else ""
        raise Problem(
            403,
            "forbidden",
            f"{who.name} may not {permission} in the tenant {tenant}{of_team}",
            hint="Ask an admin for the role there.",
        )


def enabled_now(request: Request, name: str, tenant: str) -> bool:
    """Return whether a rule is switched on; one without a row is.

    Args:
        request: of the route
        name: of the rule
        tenant: whose it is

    Returns:
        Its switch at this moment.
    """
    try:
        return store_of(request).rules.get(name, tenant).enabled
    except NotFound:
        return True


def switched(
    request: Request,
    name: str,
    tenant: str,
    actor: str,
    *,
    on: bool,
    reason: str = "",
    scope: Scope = EVERYTHING,
) -> None:
    """Switch a rule on or off; a repetition changes nothing.

    Args:
        request: of the route
        name: of the rule
        tenant: whose it is
        actor: who does it
        on: whether it is enabled
        reason: why it is disabled
        scope: of whoever does it; a rule that is not in it is as unknown

    Raises:
        NotFound: there is no rule of this name
    """
    rules = store_of(request).rules
    if on:
        rules.enable(name, actor=actor, tenant=tenant, scope=scope)
    else:
        rules.disable(name, actor=actor, reason=reason, tenant=tenant, scope=scope)


class Shown(msgspec.Struct, frozen=True):
    """A rule as it is shown, and the tag of its version."""

    detail: RuleDetail
    etag: str


def rule_shown(
    request: Request,
    name: str,
    tenant: str,
    *,
    live: Live | None = None,
    matched: str = "",
    notes: list[str] | None = None,
) -> Shown:
    """Return a rule: its row, and its deployment where Prefect answers.

    Args:
        request: of the route
        name: of the rule
        tenant: whose it is
        live: its deployment, if it has just been read
        matched: the check that the rule's name was matched to
        notes: about the last change

    Returns:
        The rule.

    Raises:
        NotFound: there is no rule of this name
    """
    store = store_of(request)
    if live is None:
        with suppress(PrefectUnreachable), made_rules(request) as rules:
            live = rules.find(name, tenant)
    try:
        row: RuleRow | None = store.rules.get(name, tenant)
    except NotFound:
        if live is None:
            raise
        row = None
    draft = draft_of(live.deployment) if live is not None else None
    fields = _fields(store, row, draft, tenant)
    addresses = cast("Addresses", request.app.state.addresses)
    detail = RuleDetail(
        **fields,
        id=name,
        owner=cast("Any", live.owner if live is not None else fields["source"]),
        severity=str(fields["spec"].get("severity") or "medium"),
        parameters=None if draft is None else draft.parameters,
        deployment=None if live is None or draft is None else _deployment(live, draft, addresses),
        given=row.given if row is not None else {},
        matched=matched,
        notes=notes or [],
    )
    enabled = row.enabled if row is not None else True
    written = draft or Draft(trigger=detail.trigger, rule=detail.spec)
    return Shown(detail, etag_of(written, enabled=enabled))


def readable_rule(request: Request, name: str, tenant: str, who: Principal) -> Shown:
    """Return a rule, if the principal may read it; the answer to one of others is the same.

    Args:
        request: of the route
        name: of the rule
        tenant: whose it is
        who: the principal

    Returns:
        The rule.

    Raises:
        NotFound: there is no rule of this name that `who` may read
    """
    missing = NotFound(f"there is no rule {name!r}", hint="GET …/rules lists all.")
    try:
        shown = rule_shown(request, name, tenant)
    except NotFound:
        raise missing from None
    if not who.allows(Permission.READ, tenant, team_of(shown)):
        raise missing
    return shown


def team_of(shown: Shown) -> str:
    """Return whose rule it is; empty for none."""
    return str(shown.detail.spec.get("team") or "")


def _deployment(live: Live, draft: Draft, addresses: Addresses) -> DeploymentOfRule:
    return DeploymentOfRule(
        id=live.id, name=f"{live.flow}/{live.name}", work_pool=draft.work_pool,
        scheduled=draft.scheduled, url=f"{addresses.prefect_ui}/deployments/deployment/{live.id}",
    )  # fmt: skip


def _fields(
    store: Store, row: RuleRow | None, draft: Draft | None, tenant: str
) -> Mapping[str, Any]:
    """Return the fields of a rule's item: what its deployment says goes before what last ran."""
    if row is None:
        draft = draft or Draft(trigger="")
        row = RuleRow(
            tenant=tenant, name=draft.name, spec=draft.rule, trigger=draft.trigger,
            category=str(draft.rule.get("category") or ""), created_at=store.now(),
            updated_at=store.now(),
        )  # fmt: skip
    count = alert_counts(store).get((row.tenant, row.name), NONE)
    facts = facts_of({name: getattr(row, name) for name in FACTS}, count)
    now = store.now()
    stored = row.model_dump(include=set(RuleItem.model_fields))
    more = {
        "rank": row.severity,
        "live_alerts": count.live,
        "health": health_of(facts, now),
        "health_text": explain(facts, now),
    }
    if draft is not None:
        more |= {"spec": draft.rule, "trigger": draft.trigger}
    return stored | more
