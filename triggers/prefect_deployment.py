"""Runs a Prefect deployment as a check, and judges how its run ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from pydantic import Field

from sentinel import Context, Reading, trigger
from sentinel.duration import format_duration
from sentinel.errors import ConfigurationError, NotFound
from sentinel.labels.text import storable
from sentinel.prefect_client.port import FlowRun, PrefectPort

_BAD = {"FAILED": "failed", "CRASHED": "crashed"}
_LOG_LINES = 10


class Memory(msgspec.Struct, kw_only=True):
    """Which run was started, and how many before it.

    `life` is made up once, so that the keys of a rule that is deleted and made again are new.
    """

    life: str
    count: int = 0
    run_id: str = ""
    started: datetime | None = None


@trigger(category="prefect", unit="seconds", backtest=False)
def prefect_deployment(
    ctx: Context,
    deployment: Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")],
    parameters: dict[str, Any] = {},  # noqa: B006 - a form's default; nothing here changes it
    longest_minutes: Annotated[float, Field(gt=0, le=100_000)] = 60.0,
    tags: list[str] = ["sentinel-check"],  # noqa: B006 - likewise
    api_url: str = "",
    api_key: str = "",
) -> Iterator[Reading]:
    """Runs a deployment and judges whether its run ended well, and after how many seconds.

    It never waits: an evaluation judges the run that an earlier one started, if it has ended,
    and starts the next. No second run is started while one is on its way. A run that somebody
    cancelled is neither good nor bad.

    Args:
        ctx: the time, the Prefect API, and the rule's state, which keeps the run's id
        deployment: as flow/deployment
        parameters: for the run; what is left out is the deployment's own
        longest_minutes: bad when the run has not ended after this long
        tags: given to the run
        api_url: the Prefect API, ending in /api; empty means the one Sentinel uses
        api_key: what another one lets us in with: {secret:NAME} takes it from the Secret block
            of that name; user:password means basic authentication

    Yields:
        One reading with the label `deployment`, once a run has ended or takes too long: the seconds
        it took. It fires where the run failed or takes too long.
    """
    labels = {"deployment": deployment[:200]}
    memory = _memory(ctx)
    key = ctx.filled(api_key) if api_url and api_key else ""
    with ctx.prefect_api(api_url, key) as prefect:
        if memory.run_id:
            run = _found(prefect, memory.run_id)
            if run is not None and run.state_type not in ("COMPLETED", "CANCELLED", *_BAD):
                yield from _on_its_way(ctx, prefect, run, memory, labels, longest_minutes)
                return
            reading = _judged(prefect, run, labels) if run is not None else None
            if reading is None:
                ctx.unknown(labels)  # cancelled, or deleted meanwhile
            else:
                yield reading
        else:
            ctx.unknown(labels)
        _start(ctx, prefect, deployment, parameters, tags, memory)


def _memory(ctx: Context) -> Memory:
    kept = ctx.state.get("memory")
    return msgspec.convert(kept, Memory) if kept else Memory(life=uuid4().hex)


def _found(prefect: PrefectPort, run_id: str) -> FlowRun | None:
    try:
        return prefect.run(run_id)
    except NotFound:
        return None


def _on_its_way(
    ctx: Context,
    prefect: PrefectPort,
    run: FlowRun,
    memory: Memory,
    labels: dict[str, str],
    longest_minutes: float,
) -> Iterator[Reading]:
    """Yield a firing reading where the run takes too long; before that it is unknown."""
    since = ctx.now() - (memory.started or ctx.now())
    if since <= timedelta(minutes=longest_minutes):
        ctx.unknown(labels)
        return
    for_ = format_duration(timedelta(seconds=round(since.total_seconds())))
    what = "has not started" if run.start_time is None else "has not ended"
    yield Reading(
        labels=labels,
        firing=True,
        value=round(since.total_seconds(), 1),
        summary=f"{labels['deployment']}: run {run.name} {what} after {for_}",
        details=_details(prefect, run),
    )


def _judged(prefect: PrefectPort, run: FlowRun, labels: dict[str, str]) -> Reading | None:
    """Return the reading of a run that ended; None for one that was cancelled or deleted."""
    # The type counts: a run that ends Completed and is named Firing is good.
    kind = run.state_type or ""
    if kind not in ("COMPLETED", *_BAD):
        return None
    took = (
        (run.end_time - run.start_time).total_seconds() if run.end_time and run.start_time else 0.0
    )
    name = labels["deployment"]
    if kind == "COMPLETED":
        return Reading(
            labels=labels,
            firing=False,
            value=round(took, 3),
            summary=f"{name}: run {run.name} ended well",
            details=_details(prefect, run),
        )
    message = ((run.state.message or "") if run.state else "").removeprefix(
        "Flow run encountered an exception: "
    )
    cause = f": {message.splitlines()[0][:300]}" if message.strip() else ""
    logs = [line.message[-1500:] for line in prefect.log_tail(run.id, _LOG_LINES)]
    return Reading(
        labels=labels,
        firing=True,
        value=round(took, 3),
        summary=storable(f"{name}: run {run.name} {_BAD[kind]}{cause}"),
        details=_details(prefect, run)
        | {"message": storable(message[:1000]), "logs": storable("\n".join(logs))},
    )


def _details(prefect: PrefectPort, run: FlowRun) -> dict[str, Any]:
    return {"run": run.name, "run_id": run.id, "run_url": prefect.run_url(run.id)}


def _start(
    ctx: Context,
    prefect: PrefectPort,
    deployment: str,
    parameters: dict[str, Any],
    tags: list[str],
    memory: Memory,
) -> None:
    """Start the next run, once however often this is tried.

    The idempotency key follows from what is stored. If an evaluation starts a run and is lost
    before its state is committed, the next one sends the same key and is given the same run. Of a
    rule's very first evaluation nothing is stored yet, so that its run may come twice.

    Args:
        ctx: the clock and the rule's state
        prefect: the API to ask
        deployment: as flow/deployment
        parameters: for the run
        tags: for the run
        memory: the run on its way; changed in place

    Raises:
        ConfigurationError: there is no such deployment
    """
    flow, _, name = deployment.partition("/")
    try:
        found = prefect.deployment_named(flow, name)
    except NotFound:
        raise ConfigurationError(
            f"Prefect has no deployment {deployment!r}", hint="Write it as flow/deployment."
        ) from None
    memory.count += 1
    run = prefect.run_deployment(
        found["id"],
        parameters=parameters or None,
        idempotency_key=f"sentinel-{memory.life}-{memory.count}",
        tags=tags,
    )
    memory.run_id = run["id"]
    memory.started = ctx.now()
    ctx.state["memory"] = msgspec.to_builtins(memory)
