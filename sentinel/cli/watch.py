"""`sentinel watch`: alerts about a Prefect server that exists already."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli.deploy import flow_cache_of, retire, set_prefect_api
from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.target import settings_here

if TYPE_CHECKING:
    from datetime import timedelta

    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.watch_rule import Watch

__all__ = ["add_to", "watch"]

KEY = "SENTINEL_WATCH_KEY"
FLOW = "prefect_runs"


def watch(
    url: Annotated[str, typer.Argument(help="Of its API or UI.", show_default=False)],
    name: Annotated[str, typer.Option(help="Of the rule; else it follows from the address.")] = "",
    every: Annotated[str, typer.Option(help="How often it looks.")] = "15s",
    severity: Annotated[
        str, typer.Option(help="Of its alerts: critical, high, medium, low or info.")
    ] = "high",
    receiver: Annotated[
        list[str] | None,
        typer.Option("--receiver", "-r", help="Who hears of them; repeatable. Else: default."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="Leave these alone: flow/deployment, * for anything; repeatable."),
    ] = None,
    secret: Annotated[
        str, typer.Option(help="A Secret block of our Prefect that holds the key of that server.")
    ] = "",
    stop: Annotated[bool, typer.Option("--stop", help="Watch it no longer.")] = False,
    json: AsJson = False,
) -> None:
    """Point Sentinel at a Prefect server that exists already; nothing is deployed there.

    One rule, which runs on our own Prefect, asks that server what became of its runs. A
    deployment whose run fails is one alert, which the next good run resolves; so is one that
    is late, stuck or unusually long, and a work pool without a worker.

    Where that server asks for a key, put it into SENTINEL_WATCH_KEY (or user:password): it is
    kept in a Secret block of our Prefect, never among parameters, in logs or in tables.

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
        told = _start(
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
        json_out(told)
        return
    say(
        f"{told['deployments']:,} deployments of {address} are watched by the rule {rule}, "
        f"every {every}."
    )
    say("See what it finds: sentinel alert list. Watch it no longer: the same with --stop.")


def _length(text: str) -> timedelta:
    from sentinel.duration import parse_duration
    from sentinel.errors import ConfigurationError

    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"--every: {error}") from None


def _let_in(api: RolloutApi, rule: str, secret: str) -> str:
    """Keep the key that the environment has, and say which Secret block has it."""
    from sentinel.rollout.watch_rule import secret_of

    key = os.environ.get(KEY, "")
    if not key:
        return secret
    held = secret or secret_of(rule)
    api.put_secret(held, key)
    return held


def _start(api: RolloutApi, chosen: Watch) -> dict[str, Any]:
    from sentinel.errors import RuleError
    from sentinel.rollout.apply import apply_plan, plan_rollout
    from sentinel.rollout.watch_rule import watch_entry

    # RunOptions from here first, so that a wrong address or key is said now and not in a run's log.
    deployments = _deployments(api, chosen)
    known = flow_cache_of(settings_here())
    steps = plan_rollout(api, [watch_entry(chosen)], known, owner="ui")
    (step,) = apply_plan(api, steps, owner="ui")
    if step.kind == "refused":
        raise RuleError(f"the rule {step.name} was refused: {'; '.join(step.reasons)}")
    live = api.deployment_named(FLOW, step.name)
    if step.kind != "unchanged":
        api.run_deployment(live["id"])  # its schedule's first time may be a while away
    return {
        "rule": step.name,
        "url": chosen.url or api.url,
        "deployments": deployments,
        "deployment_id": live["id"],
        "outcome": step.kind,
    }


def _deployments(api: RolloutApi, chosen: Watch) -> int:
    """How many deployments the watched server has."""
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
        # What helps with our own server would send its reader to the wrong place.
        raise PrefectUnreachable(
            error.message,
            hint=f"Is that its address? Where it asks for a key, give it in {KEY}.",
        ) from None


def _stop(api: RolloutApi, rule: str, *, as_json: bool) -> None:
    from sentinel.errors import Conflict, NotFound
    from sentinel.rollout.plan import Live

    try:
        live = Live(flow=FLOW, deployment=api.deployment_named(FLOW, rule))
    except NotFound:
        raise NotFound(
            f"no rule {rule!r} watches a server",
            hint="Give --name where it was started with one; see: sentinel rule list",
        ) from None
    if live.owner != "ui":
        raise Conflict(f"the rule {rule} stands in a file", hint="Take it out there.")
    api.delete_deployment(live.id)
    closed = retire(live)
    if as_json:
        json_out({"rule": rule, "outcome": "removed", "closed": closed})
    else:
        say(f"The rule {rule} is gone; {closed} of its alerts closed.")


def add_to(app: typer.Typer) -> None:
    """Add `watch` to `app`."""
    app.command()(watch)
