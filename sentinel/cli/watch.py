"""`sentinel watch`: alert on the flow runs of an existing Prefect server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.deploy import flow_cache_of, retire, set_prefect_api
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.target import settings_here
from sentinel.printable import counted

if TYPE_CHECKING:
    from datetime import timedelta

    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.watch_rule import Watch

__all__ = ["add_to", "watch"]

KEY = "SENTINEL_WATCH_KEY"
FLOW = "prefect_runs"


def watch(
    url: Annotated[str, typer.Argument(help="Address of its API or UI.", show_default=False)],
    name: Annotated[
        str, typer.Option(help="Name of the rule; by default made from the address.")
    ] = "",
    every: Annotated[str, typer.Option(help="Interval of the evaluations.")] = "15s",
    severity: Annotated[
        str, typer.Option(help="Severity of its alerts: critical, high, medium, low or info.")
    ] = "high",
    receiver: Annotated[
        list[str] | None,
        typer.Option(
            "--receiver", "-r", help="Receiver to notify; repeatable; by default: default."
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="Ignore these: flow/deployment, * matches anything; repeatable."),
    ] = None,
    secret: Annotated[
        str,
        typer.Option(
            help="Name of a Secret block, in Sentinel's Prefect, that holds the server's key."
        ),
    ] = "",
    stop: Annotated[bool, typer.Option("--stop", help="Stop watching the server.")] = False,
    json: AsJson = False,
) -> None:
    """Watch an existing Prefect server; nothing is deployed there.

    One rule, which runs on Sentinel's own Prefect, reads the flow runs of that server. A
    deployment whose run fails is one alert, which the next successful run resolves. Deployments
    whose runs are late, stuck or unusually long are alerts too, and work pools without a worker.

    If the server requires a key, set SENTINEL_WATCH_KEY to it, or to user:password. Sentinel keeps
    it in a Secret block of its own Prefect, never in parameters, logs or tables.

    Examples:
        sentinel watch http://prefect.example:4200/api

        SENTINEL_WATCH_KEY=... sentinel watch https://prefect.example/api --name payments

        sentinel watch http://prefect.example:4200/api --stop
    """
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.watch_rule import Watch, api_of, name_of

    settings = settings_here()
    address = api_of(url)
    rule = name or name_of(address)
    with RolloutApi.of(settings) as api:
        if stop:
            _stop(api, rule, as_json=json)
            return
        set_prefect_api(settings)
        ours = address == api_of(api.url)
        started = _start(
            api,
            Watch(
                url="" if ours else address,
                name=rule,
                every=_length(every),
                secret=_let_in(api, rule, secret) if not ours else "",
                pool=settings.work_pool,
                severity=severity,
                receivers=receiver or ["default"],
                ignore=ignore or [],
            ),
        )
    if json:
        json_out(started)
        return
    say(
        f"The rule {rule} watches {counted(started['deployments'], 'deployment')} of {address}, "
        f"every {every}."
    )
    say("List its alerts: sentinel alert list. Stop watching: the same command with --stop.")


def _length(text: str) -> timedelta:
    from sentinel.duration import parse_duration
    from sentinel.errors import ConfigurationError

    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"--every: {error}") from None


def _let_in(api: RolloutApi, rule: str, secret: str) -> str:
    """Save the key of the environment, if any, and return the name of its Secret block."""
    from sentinel.rollout.watch_rule import secret_of

    key = os.environ.get(KEY, "")
    if not key:
        return secret
    held = secret or secret_of(rule)
    api.put_secret(held, key)
    return held


def _start(api: RolloutApi, chosen: Watch) -> dict[str, Any]:
    from sentinel.cli.change_log import note_applied, permitted
    from sentinel.errors import RuleError
    from sentinel.rollout.apply import apply_plan, plan_rollout
    from sentinel.rollout.watch_rule import watch_entry

    # Asked from here first, so that a wrong address or key is reported now, not in a run's log.
    deployments = _deployments(api, chosen)
    known = flow_cache_of(settings_here())
    steps = plan_rollout(api, [watch_entry(chosen)], known, owner="ui")
    approved = permitted(steps[0])
    (step,) = apply_plan(api, steps, owner="ui")
    note_applied(approved, [step])
    if step.kind == "refused":
        raise RuleError(f"the rule {step.name} was refused: {'; '.join(step.reasons)}")
    live = api.deployment_named(FLOW, step.name)
    if step.kind != "unchanged":
        api.run_deployment(live["id"])  # the first scheduled run may be a while away
    return {
        "rule": step.name,
        "url": chosen.url or api.url,
        "deployments": deployments,
        "deployment_id": live["id"],
        "outcome": step.kind,
    }


def _deployments(api: RolloutApi, chosen: Watch) -> int:
    """Return the number of deployments that the watched server has."""
    from sentinel.checks.context import Context
    from sentinel.errors import PrefectUnreachable
    from sentinel.prefect_client.client import connect

    ctx = Context(prefect=api, connect=connect)
    key = ctx.secret(chosen.secret) if chosen.secret else ""
    try:
        with ctx.prefect_api(chosen.url, key) as watched:
            return len(watched.every_deployment())
    except PrefectUnreachable as error:
        if not chosen.url:
            raise
        # The hint about Sentinel's own Prefect server would mislead.
        raise PrefectUnreachable(
            error.message,
            hint=f"Check the address. If the server requires a key, set {KEY}.",
        ) from None


def _stop(api: RolloutApi, rule: str, *, as_json: bool) -> None:
    from sentinel.cli.change_log import note_applied, permitted
    from sentinel.errors import Conflict, NotFound
    from sentinel.rollout.plan import Live, Step

    try:
        live = Live(flow=FLOW, deployment=api.deployment_named(FLOW, rule))
    except NotFound:
        raise NotFound(
            f"there is no rule {rule!r} that watches a server",
            hint="Give the --name that it was started with. List rules: sentinel rule list",
        ) from None
    if live.owner != "ui":
        raise Conflict(
            f"the rule {rule} belongs to a file", hint="Remove it from the file and deploy."
        )
    step = Step(kind="removed", name=live.name, file="sentinel watch", live=live)
    approved = permitted(step)
    api.delete_deployment(live.id)
    closed = retire(live)
    note_applied(approved, [step])
    if as_json:
        json_out({"rule": rule, "outcome": "removed", "closed": closed})
    else:
        say(f"Removed the rule {rule}; closed {closed} of its alerts.")


def add_to(app: typer.Typer) -> None:
    """Add `watch` to `app`."""
    app.command()(watch)
