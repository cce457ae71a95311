"""Changes to rules of programs, as a second person is asked to approve them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.errors import Conflict, NotFound
from sentinel.rollout.plan import Live
from sentinel.rollout.rule_draft import Draft, draft_of, rule_of
from sentinel.rules.approval import is_critical, worst_severity
from sentinel.rules.rule import Rule
from sentinel.store.alerts.changed_rules import keep_changed
from sentinel.store.rules.asking import Asked, ask_first
from sentinel.store.rules.critical import critical_among

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "ask_for_change",
    "ask_for_deletion",
    "keep_draft",
    "refuse_foreign",
    "refuse_takeover",
    "state_of",
    "tenant_of",
]


def tenant_of(live: Live) -> str:
    """Return the tenant of the rule that a deployment is."""
    parameters: dict[str, Any] = live.deployment.get("parameters") or {}
    rule: dict[str, Any] = parameters.get("rule") or {}
    return str(rule.get("tenant") or "default")


def state_of(store: Store, live: Live | None, name: str, tenant: str) -> dict[str, Any]:
    """Return a rule as a change of it is approved for: its draft and its switch.

    Args:
        store: the shared database
        live: its deployment; None where Prefect has none
        name: of the rule
        tenant: whose it is

    Returns:
        Fields as JSON has them; empty where there is no such rule.
    """
    try:
        row = store.rules.get(name, tenant)
    except NotFound:
        row = None
    if live is None:
        return {} if row is None else {"rule": row.spec, "enabled": row.enabled}
    return {**_fields(draft_of(live.deployment)), "enabled": row is None or row.enabled}


def ask_for_change(
    store: Store, live: Live, after: Draft, given: Mapping[str, Any], *, actor: str,
    enabled: bool | None, differs: bool,
) -> None:  # fmt: skip
    """Ask for a change of a rule, where a second person is needed.

    Args:
        store: the shared database
        live: its deployment
        after: what it is to be
        given: the words that the change was made of
        actor: who asks
        enabled: what its switch is to be; None to leave it
        differs: whether the deployment would change

    Raises:
        ChangeWaits: it waits, and must not be made now
    """
    tenant = tenant_of(live)
    before = state_of(store, live, live.name, tenant)
    on = bool(before["enabled"]) if enabled is None else enabled
    if not differs and on == before["enabled"]:
        return
    asked = Asked(
        kind="change", tenant=tenant, rule=live.name, spec=before["rule"],
        critical=is_critical(before["rule"], before["parameters"]), before=before,
        after={**_fields(after), "enabled": on}, given=given,
    )  # fmt: skip
    ask_first(store, asked, actor=actor)


def ask_for_deletion(
    store: Store, live: Live | None, name: str, tenant: str, *, actor: str
) -> None:
    """Ask for the deletion of a rule, where a second person is needed; see `ask_for_change`."""
    before = state_of(store, live, name, tenant)
    spec: dict[str, Any] = before.get("rule") or {}
    critical = is_critical(spec, before.get("parameters"))
    if live is None:
        with store.read() as connection:
            critical = (tenant, name) in critical_among(connection, [name])
    asked = Asked(
        kind="delete", tenant=tenant, rule=name, spec=spec, critical=critical, before=before,
        after={},
    )  # fmt: skip
    ask_first(store, asked, actor=actor)


def keep_draft(store: Store, draft: Draft, given: Mapping[str, Any]) -> None:
    """Keep a changed rule in its row, which says whether it is critical.

    Args:
        store: the shared database
        draft: what its deployment is now
        given: the words that it was made of
    """
    rule = rule_of(draft)
    keep_changed(store, rule, worst_severity(rule.rank, draft.parameters), given=given)


def refuse_foreign(live: Live, owner: str) -> None:
    """Refuse to change a rule of another owner.

    Args:
        live: its deployment
        owner: who would change it

    Raises:
        Conflict: it belongs to somebody else
    """
    if live.owner != owner:
        whose = {
            "file": "a deployment file", "ui": "the dashboard or a command",
            "api": "a program, over HTTP",
        }  # fmt: skip
        raise Conflict(
            f"the rule {live.name!r} belongs to {whose.get(live.owner, live.owner)}",
            hint="Change it there: each rule has one owner. Its switch can be used here.",
        )


def refuse_takeover(rule: Rule, there: Iterable[Live]) -> None:
    """Refuse to take over the state of a rule that is still deployed, whoever it belongs to.

    Args:
        rule: that is to be
        there: the deployments of the name that it is renamed from

    Raises:
        Conflict: one of them is of the rule's tenant
    """
    if any(tenant_of(live) == rule.tenant for live in there):
        raise Conflict(
            f"renamed_from: the rule {rule.renamed_from!r} is still deployed",
            hint="Leave renamed_from out, or have that rule deleted first.",
        )


def _fields(draft: Draft) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(draft))
