"""Announce the first alert of an empty database, since that is what people wait for."""

from __future__ import annotations

import asyncio
import logging

from sentinel.errors import DatabaseError
from sentinel.store import Store
from sentinel.up.console import StartScreen
from sentinel.up.plan import Plan

__all__ = ["announce_first_alert"]

log = logging.getLogger(__name__)


async def announce_first_alert(plan: Plan, database_url: str, screen: StartScreen) -> None:
    """Wait for the first alert, and say so.

    Args:
        plan: of this start
        database_url: of our database, which had no alert before
        screen: the terminal
    """
    store = Store(database_url)
    try:
        while not (found := await _alert(store)):
            await asyncio.sleep(1)
        screen.say(
            f"First alert after {screen.seconds:.0f} s: {found} (see it at {plan.dashboard})"
        )
    except DatabaseError as error:
        log.warning("cannot look up the first alert: %s", error)
    finally:
        store.close()


async def _alert(store: Store) -> str:
    page = await asyncio.to_thread(store.alerts.page, limit=1)
    return page.items[0].title if page.items else ""
