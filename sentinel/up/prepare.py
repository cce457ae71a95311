"""What processes that are started one by one need before: tables, a work pool, block types.

`sentinel up` does the same for the processes that it starts. Containers and services of systemd
are started by something else, which runs `sentinel prepare` first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import TypeVar

from pydantic import ValidationError

from sentinel.errors import ConfigurationError, DatabaseUnreachable, PrefectUnreachable
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.up.channels import make_channels
from sentinel.up.prewarm import run_prefect
from sentinel.up.setup import Setup

__all__ = ["prepare"]

_ASK_AGAIN_SECONDS = 1.0
T = TypeVar("T")


def prepare(settings: Settings, *, patience: float, say: Callable[[str], object]) -> None:
    """Migrate the tables, make the work pool, register block types, make channels of variables.

    Each step leaves what exists as it is, so it may be run again, and by several at once.

    Args:
        settings: with the addresses of the database and of Prefect
        patience: how long database and Prefect may take to answer, in seconds
        say: prints a line for each step

    Raises:
        DatabaseUnreachable: the database did not answer in time
        DatabaseError: the database refused a statement
        PrefectUnreachable: Prefect did not answer in time, or refused the block types
        ConfigurationError: a variable `ALERT_…` cannot be used
    """
    deadline = time.monotonic() + patience
    store = Store.of(settings)
    try:
        _patiently(store.migrate, DatabaseUnreachable, deadline)
        say("Tables: ready")
        with Setup.of(settings) as prefect:
            made = _patiently(
                lambda: prefect.ensure_pool(settings.work_pool), PrefectUnreachable, deadline
            )
        say(f"Work pool {settings.work_pool}: {'created' if made else 'exists'}")
        # Prefect's own commands take seconds to import, so only what needs them does.
        app = import_module("prefect.cli").app
        if run_prefect(app, "block", "register", "-m", "blocks"):
            raise PrefectUnreachable(
                "Prefect refused the block types", hint="Its answer is printed above."
            )
        say("Block types: registered")
        try:
            channels = make_channels(store, settings)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise ConfigurationError(
                f"{first['loc'][0]}: {first['msg']}", hint="Correct it in the environment."
            ) from None
        for channel in channels:
            say(f"Channel {channel.ref}: ready")
    finally:
        store.close()


def _patiently(do: Callable[[], T], error: type[Exception], deadline: float) -> T:
    """Do something, and again after a second while `error` is raised and there is time."""
    while True:
        try:
            return do()
        except error:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_ASK_AGAIN_SECONDS)
