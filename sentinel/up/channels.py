"""Channels that a start makes of the `ALERT_*` variables, where there are any."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Mapping

from pydantic import ValidationError

from sentinel.alert_variables import AlertVariables
from sentinel.up.family import Family, Part, tail
from sentinel.up.plan import Plan
from sentinel.up.screen import Screen

__all__ = ["CHANNELS", "sync_channels"]

CHANNELS = "Channels"


async def sync_channels(
    plan: Plan,
    environment: Mapping[str, str],
    family: Family,
    screen: Screen,
    after: Awaitable[None],
) -> None:
    """Do what `sentinel channel sync` does; one that fails is shown, and holds up nothing.

    Args:
        plan: of this start
        environment: of the processes it starts
        family: who runs and stops them
        screen: what the person sees
        after: what must be done before: the rollout registers the same block types
    """
    try:
        wanted = AlertVariables().present
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        screen.step(CHANNELS, "failed", f"{first['loc'][0]}: {first['msg']}")
        return
    if not wanted:
        return
    screen.step(CHANNELS, "waits")
    await after
    screen.step(CHANNELS, "starts")
    part = Part(
        name="channels",
        command=[sys.executable, "-m", "sentinel.cli", "channel", "sync"],
        environment=environment,
        log=plan.home.log("channels"),
    )
    before = part.log.stat().st_size if part.log.exists() else 0
    code = await family.finish(part)
    if code:
        screen.step(CHANNELS, "failed", f"{tail(part.log, 2)} (see {part.log})")
        return
    with part.log.open("rb") as log:
        log.seek(before)
        said = " ".join(log.read().decode("utf-8", "replace").split())
    screen.step(CHANNELS, "ready", said)
