"""Start a flow run of a rule now, and follow it until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from sentinel.cli.target import open_store, settings_here
from sentinel.duration import format_duration
from sentinel.errors import DatabaseError, NotFound, SentinelError
from sentinel.prefect_client.client import PrefectApi

__all__ = ["Run", "follow", "start"]

_TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
_POLL_SECONDS = 0.5


class Run(msgspec.Struct, frozen=True, kw_only=True):
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


def start(rule: str, *, tenant: str = "", report: Callable[[str], None] | None = None) -> Run:
    """Start a flow run of the rule's deployment.

    Args:
        rule: name of the rule
        tenant: whose the rule must be; empty for any
        report: called with a sentence about the start, if given

    Returns:
        The flow run as it was started.

    Raises:
        NotFound: Prefect has no deployment of the rule, or it is of another tenant
        PrefectUnreachable: Prefect's API does not answer
    """
    with PrefectApi.of(settings_here()) as prefect:
        started = prefect.run_deployment(_deployment_of(rule, tenant, prefect))
        run = _as_run(rule, started, prefect)
    if report is not None:
        report(f"Started {run.name}: {run.url}")
    return run


def follow(run: Run, patience: timedelta, *, report: Callable[[str], None] | None = None) -> Run:
    """Poll a flow run until it reaches a terminal state.

    Args:
        run: the flow run, as started
        patience: the longest time to wait
        report: called with a sentence about each new state, if given

    Returns:
        The flow run in its terminal state.

    Raises:
        SentinelError: the run did not end within `patience`; it continues on its own
        PrefectUnreachable: Prefect's API does not answer
    """
    until = time.monotonic() + patience.total_seconds()
    last = ""
    with PrefectApi.of(settings_here()) as prefect:
        while True:
            now = _as_run(run.rule, prefect.flow_run(run.flow_run_id), prefect)
            line = f"{now.name} is {now.state}" + (f": {now.message}" if now.message else "")
            if report is not None and line != last:
                report(line)
            last = line
            if now.type in _TERMINAL:
                return now
            if time.monotonic() > until:
                raise SentinelError(
                    f"the run {now.name} is still {now.state} after {format_duration(patience)}",
                    hint=f"It continues if a worker polls its work pool: {now.url}",
                )
            time.sleep(_POLL_SECONDS)


def _deployment_of(rule: str, tenant: str, prefect: PrefectApi) -> str:
    """Return the id of the rule's deployment, also of a rule that has never run."""
    try:
        with open_store() as store:
            known = store.rules.get(rule, tenant or "default").deployment_id
    except (DatabaseError, NotFound):
        known = None
    if known is not None:
        try:
            found = prefect.deployment(known)
            if tenant in ("", _carried(found).get("tenant", "default")):
                return str(found["id"])
        except NotFound:
            pass  # it was deployed again under another id
    for deployment in prefect.deployments():
        carried = _carried(deployment)
        if carried.get("name") == rule and tenant in ("", carried.get("tenant", "default")):
            return str(deployment["id"])
    raise NotFound(
        f"Prefect at {prefect.url} has no deployment of the rule {rule!r}",
        hint="Deploy it: sentinel deploy. List rules: sentinel rule list",
    )


def _carried(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the rule that a deployment carries; of a policy of a pack, the pack's."""
    parameters: dict[str, Any] = deployment.get("parameters") or {}
    return parameters.get("rule") or {}


def _as_run(rule: str, run: dict[str, Any], prefect: PrefectApi) -> Run:
    state: dict[str, Any] = run.get("state") or {}
    return Run(
        rule=rule,
        flow_run_id=str(run["id"]),
        name=str(run.get("name") or run["id"]),
        state=str(run.get("state_name") or state.get("name") or "unknown"),
        type=str(run.get("state_type") or state.get("type") or ""),
        message=str(state.get("message") or ""),
        url=prefect.run_url(str(run["id"])),
    )
