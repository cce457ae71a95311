"""Starting a rule's run now, and following it until it ends."""

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

_OVER = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
_LOOK_SECONDS = 0.5


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run of a rule as Prefect last said of it.

    `state` is its name, such as Firing; `type` what that means, such as COMPLETED.
    """

    rule: str
    flow_run_id: str
    name: str
    state: str
    type: str
    message: str
    url: str


def start(rule: str, *, tell: Callable[[str], None] | None = None) -> Run:
    """Start the run of the rule's deployment.

    Args:
        rule: its name
        tell: is told what happens, where given

    Raises:
        NotFound: Prefect has no deployment with that rule
        PrefectUnreachable: it does not answer
    """
    with PrefectApi.of(settings_here()) as prefect:
        started = prefect.run_deployment(_deployment_of(rule, prefect))
        run = _as_run(rule, started, prefect)
    if tell is not None:
        tell(f"{run.name} is started: {run.url}")
    return run


def follow(run: Run, patience: timedelta, *, tell: Callable[[str], None] | None = None) -> Run:
    """Look at a run until it has ended, and return it as it is then.

    Args:
        run: as it started
        patience: for at most so long
        tell: is told of each new state, where given

    Raises:
        SentinelError: it had not ended by then; it goes on by itself
        PrefectUnreachable: Prefect does not answer
    """
    until = time.monotonic() + patience.total_seconds()
    last = ""
    with PrefectApi.of(settings_here()) as prefect:
        while True:
            now = _as_run(run.rule, prefect.flow_run(run.flow_run_id), prefect)
            said = f"{now.name} is {now.state}" + (f": {now.message}" if now.message else "")
            if tell is not None and said != last:
                tell(said)
            last = said
            if now.type in _OVER:
                return now
            if time.monotonic() > until:
                raise SentinelError(
                    f"the run {now.name} is still {now.state} after {format_duration(patience)}",
                    hint=f"It goes on by itself, if a worker polls its pool: {now.url}",
                )
            time.sleep(_LOOK_SECONDS)


def _deployment_of(rule: str, prefect: PrefectApi) -> str:
    """The id of the deployment that carries the rule, also where it has never run."""
    try:
        with open_store() as store:
            known = store.rules.get(rule).deployment_id
    except (DatabaseError, NotFound):
        known = None
    if known is not None:
        try:
            return str(prefect.deployment(known)["id"])
        except NotFound:
            pass  # it was deployed anew under another id
    for deployment in prefect.deployments():
        parameters: dict[str, Any] = deployment.get("parameters") or {}
        carried: dict[str, Any] = parameters.get("rule") or {}
        if carried.get("name") == rule:
            return str(deployment["id"])
    raise NotFound(
        f"Prefect at {prefect.url} has no deployment with the rule {rule!r}",
        hint="Roll it out: sentinel deploy. See what there is: sentinel rule list",
    )


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
