"""Channels that a start makes of the `ALERT_*` variables, where there are any.

The rollout makes them before the first rule is deployed, so that no notification comes too
early for them; where nothing is rolled out, a process of its own does, if they have changed.
"""

from __future__ import annotations

import hashlib
import hmac
import sys
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING

from pydantic import SecretStr, ValidationError

from blocks.channel_variables import AlertVariables
from sentinel.settings.private_file import write_private
from sentinel.store.notifications.receivers import DEFAULT
from sentinel.up.console import StartScreen
from sentinel.up.home import Home
from sentinel.up.plan import Plan
from sentinel.up.processes import ProcessGroup, Service, tail

if TYPE_CHECKING:
    from blocks.channel_blocks import SavedChannel
    from sentinel.settings import Settings
    from sentinel.store import Store

__all__ = ["CHANNELS", "make_channels", "sync_channels"]

CHANNELS = "Channels"
_DONE = "channels-made"


def make_channels(store: Store, settings: Settings) -> list[SavedChannel]:
    """Save the blocks that the variables describe, and add new ones to the receiver `default`.

    Prefect's own client must know where its server is.

    Args:
        store: whose receivers
        settings: of this process

    Returns:
        What was made, a line for each block.

    Raises:
        ValidationError: a variable cannot be used
        ConfigurationError: what they say together cannot be used
        PrefectUnreachable: Prefect does not answer
    """
    given = AlertVariables()
    if not given.present:
        return []
    from blocks.channel_blocks import save_from_variables

    made: list[SavedChannel] = []
    known = store.receivers.all().get(DEFAULT, [])  # fails before a block is saved
    for one in save_from_variables(given):
        made.append(one)
        # Only what is new: whoever took it out of the receiver wants it out.
        if one.new and one.ref not in known:
            known = [*known, one.ref]
            store.receivers.set(DEFAULT, known)
    home = Home(settings.resolved_home())
    if home.root.exists():
        write_private(home.root / _DONE, _digest(home, settings.prefect_api_url, given))
    return made


async def sync_channels(
    plan: Plan,
    environment: Mapping[str, str],
    processes: ProcessGroup,
    screen: StartScreen,
    after: Awaitable[None],
) -> None:
    """Do what `sentinel channel sync` does; one that fails is shown, and holds up nothing.

    Args:
        plan: of this start
        environment: of the processes it starts
        processes: who runs and stops them
        screen: what the person sees
        after: the rollout, which makes them as well and registers the same block types
    """
    try:
        given = AlertVariables()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        screen.step(CHANNELS, "failed", f"{first['loc'][0]}: {first['msg']}")
        return
    if not given.present:
        return
    screen.step(CHANNELS, "waits")
    await after
    done = plan.home.root / _DONE
    if done.exists() and done.read_text() == _digest(plan.home, plan.prefect_api, given):
        screen.step(CHANNELS, "ready", "as the ALERT_ variables say")
        return
    screen.step(CHANNELS, "starts")
    service = Service(
        name="channels",
        command=[sys.executable, "-m", "sentinel.cli", "channel", "sync"],
        environment=environment,
        log=plan.home.log("channels"),
    )
    service.log.unlink(missing_ok=True)
    code = await processes.finish(service)
    said = tail(service.log, 3)
    if code:
        screen.step(CHANNELS, "failed", f"{said} (see {service.log})")
    else:
        screen.step(CHANNELS, "ready", said)


def _digest(home: Home, api: str, given: AlertVariables) -> str:
    """Changes with the variables and with the server; says nothing of what is in them."""
    values = [
        value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for value in vars(given).values()
    ]
    text = "\x1f".join([api, *values])
    return hmac.new(home.secret("channels-key").encode(), text.encode(), hashlib.sha256).hexdigest()
