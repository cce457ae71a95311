"""Flow runs of rules that people start, beside those of the schedule."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.audit.change import Change
from sentinel.errors import NotFound
from sentinel.rules.pack import is_pack, member_names

if TYPE_CHECKING:
    from sentinel.prefect_client.client import PrefectApi
    from sentinel.store import Store

__all__ = ["RuleRun", "run_of", "start_run"]


class RuleRun(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run of a rule, as Prefect's API last returned it.

    `state` is the name of its state, such as Firing; `type` is Prefect's type of that state, such
    as COMPLETED.
    """

    rule: str
    flow_run_id: str
    name: str
    state: str
    type: str
    message: str
    url: str


def start_run(
    prefect: PrefectApi, rule: str, *, tenant: str, store: Store | None, actor: str
) -> RuleRun:
    """Start a flow run of a rule's deployment, and do not wait for it.

    The audit trail has who started it.

    Args:
        prefect: that has the deployment
        rule: name of the rule
        tenant: whose the rule must be; empty for any
        store: the shared database; None where it does not answer, so that nothing is recorded
        actor: who starts it

    Returns:
        The flow run as it was started.

    Raises:
        NotFound: Prefect has no deployment of the rule, or it is of another tenant
        PrefectUnreachable: Prefect's API does not answer
    """
    deployment = _deployment_of(prefect, rule, tenant, store)
    only = _only(deployment, rule)
    if store is None:
        return _run(prefect, rule, prefect.run_deployment(deployment["id"], parameters=only))
    change = Change(
        action="rule.run", object_kind="rule", object_id=rule, object_name=rule,
        tenant=tenant or str(_carried(deployment).get("tenant") or "default"),
    )  # fmt: skip
    with store.audit.outside([change], actor=actor):
        started = prefect.run_deployment(deployment["id"], parameters=only)
    return _run(prefect, rule, started)


def run_of(
    prefect: PrefectApi, rule: str, flow_run_id: str, *, tenant: str = "",
    store: Store | None = None,
) -> RuleRun:  # fmt: skip
    """Return a flow run of a rule.

    Args:
        prefect: that has it
        rule: name of the rule
        flow_run_id: of the run
        tenant: whose the rule must be; empty for any
        store: the shared database; where it is given, a run of another rule is as unknown

    Returns:
        The flow run.

    Raises:
        NotFound: the rule has no such run
        PrefectUnreachable: Prefect's API does not answer
    """
    found = prefect.flow_run(flow_run_id)
    if store is not None:
        deployment = _deployment_of(prefect, rule, tenant, store)
        if found.get("deployment_id") != deployment["id"]:
            raise NotFound(f"the rule {rule!r} has no flow run {flow_run_id}")
    return _run(prefect, rule, found)


def _deployment_of(
    prefect: PrefectApi, rule: str, tenant: str, store: Store | None
) -> dict[str, Any]:
    """Return the rule's deployment, also of a rule that has never run."""
    known = None
    if store is not None:
        with suppress(NotFound):  # it has never run
            known = store.rules.get(rule, tenant or "default").deployment_id
    if known is not None:
        try:
            found = prefect.deployment(known)
            if tenant in ("", _carried(found).get("tenant", "default")):
                return found
        except NotFound:
            pass  # it was deployed again under another id
    for deployment in prefect.deployments():
        carried = _carried(deployment)
        holds = carried.get("name") == rule or _only(deployment, rule) is not None
        if holds and tenant in ("", carried.get("tenant", "default")):
            return deployment
    raise NotFound(
        f"Prefect at {prefect.url} has no deployment of the rule {rule!r}",
        hint="Deploy it: sentinel deploy. List rules: sentinel rule list",
    )


def _carried(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the rule that a deployment carries; of a policy of a pack, the pack's."""
    parameters: dict[str, Any] = deployment.get("parameters") or {}
    return parameters.get("rule") or {}


def _only(deployment: dict[str, Any], rule: str) -> dict[str, Any] | None:
    """Return the parameters of a run of one rule of a pack; None where it is a deployment's own."""
    parameters: dict[str, Any] = deployment.get("parameters") or {}
    if is_pack(parameters) and rule in member_names(parameters):
        return {"only": [rule]}
    return None


def _run(prefect: PrefectApi, rule: str, run: dict[str, Any]) -> RuleRun:
    state: dict[str, Any] = run.get("state") or {}
    return RuleRun(
        rule=rule,
        flow_run_id=str(run["id"]),
        name=str(run.get("name") or run["id"]),
        state=str(run.get("state_name") or state.get("name") or "unknown"),
        type=str(run.get("state_type") or state.get("type") or ""),
        message=str(state.get("message") or ""),
        url=prefect.run_url(str(run["id"])),
    )
