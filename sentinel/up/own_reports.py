"""What only the instance knows of itself, reported for the health page: `sentinel up` reports it.

The dashboard asks the database alone. So the instance says there, once a minute, what
`sentinel doctor` would say of its telemetry store, its limits, its exposure and its self-watch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from sqlalchemy.exc import SQLAlchemyError

from sentinel.engine.component_health import EXPOSURE, LIMITS, SELF_WATCH, TELEMETRY
from sentinel.errors import SentinelError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.database.component_reports import report
from sentinel.up.exposure import exposures
from sentinel.up.home import Home
from sentinel.up.limits_check import limits_state
from sentinel.up.self_watch import SelfWatchState, self_watch_state
from sentinel.up.telemetry_check import telemetry_state

__all__ = ["exposure_state", "keep_reporting", "report_own"]

_log = logging.getLogger(__name__)
_EVERY = 60.0
_PREFIX = "SENTINEL_"


def exposure_state(
    settings: Settings, store: Store | None, environ: Mapping[str, str] | None = None
) -> SelfWatchState:
    """Return what is exposed, in one sentence, and what to do about the worst of it.

    Args:
        settings: completed by those of the running instance
        store: the shared database; None where it cannot be asked
        environ: whose secrets are looked at; those of this process by default

    Returns:
        A warning where something is.

    Raises:
        DatabaseError: the database cannot be used
        SQLAlchemyError: the database failed
    """
    found = exposures(settings, store, environ)
    if not found:
        return SelfWatchState(
            "ok",
            "nothing is reached from other machines without a login or TLS, and no secret is plain",
        )
    return SelfWatchState("warning", "; ".join(one.says for one in found), found[0].hint)


def report_own(store: Store, settings: Settings, home: Home) -> None:
    """Report the telemetry store, what counts limits, exposure and self-watch of an instance.

    Args:
        store: the shared database
        settings: completed by those of the running instance
        home: its folder

    Raises:
        DatabaseError: the database cannot be used
        SQLAlchemyError: the database failed
    """
    for name, found in (
        (TELEMETRY, telemetry_state(settings, home)),
        (LIMITS, limits_state(settings)),
        (EXPOSURE, exposure_state(settings, store)),
        (SELF_WATCH, self_watch_state(settings, store)),
    ):
        report(store, name, found.state, found.says, found.hint)


async def keep_reporting(settings: Settings, environment: Mapping[str, str], home: Home) -> None:
    """Report once a minute, until it is cancelled; what fails is tried again a minute later.

    Args:
        settings: that the instance was started with
        environment: what its parts share, which completes the settings
        home: its folder
    """
    of_instance = {
        name: value
        for variable, value in environment.items()
        if (name := variable.removeprefix(_PREFIX).lower()) in Settings.model_fields
        and variable.startswith(_PREFIX)
    }
    whole = Settings.model_validate({**settings.model_dump(exclude_unset=True), **of_instance})
    store = Store(whole.database_url)
    try:
        while True:
            try:
                await asyncio.to_thread(report_own, store, whole, home)
            except (SentinelError, SQLAlchemyError) as error:
                _log.warning("the state of the instance was not reported: %s", error)
            await asyncio.sleep(_EVERY)
    finally:
        store.close()
