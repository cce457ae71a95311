"""Whether outgoing events and web feeds reach who reads them, for the page Health and the API."""

from __future__ import annotations

from datetime import datetime

from sentinel.engine.component import Component
from sentinel.notifications.breaker import Breaker
from sentinel.schema.lifecycle_events import EventDestination
from sentinel.store import Store
from sentinel.store.database.component_reports import State
from sentinel.store.events.destinations import Destinations
from sentinel.store.web_feeds import WebFeeds

__all__ = ["destinations_state", "web_feeds_state"]

_DESTINATIONS, _FEEDS = "event destinations", "web feeds"


def destinations_state(store: Store) -> Component:
    """Return whether the destinations of outgoing events take what they are sent.

    Args:
        store: the shared database

    Returns:
        Wrong where one is down or refuses what it is sent, a warning where one has failed once or
        twice, a note where there is none.
    """
    found = Destinations(store).all()
    if not found:
        return Component(name=_DESTINATIONS, state="note", says="there is none",
                         hint="Send changes on as they happen: sentinel event destination set, "
                         "docs/how-to/send-changes-to-other-systems.md")  # fmt: skip
    states = {one.name: _breaker(one).state for one in found}
    failing = [one for one in found if states[one.name] != "healthy"]
    if not failing:
        return Component(name=_DESTINATIONS, state="ok", says=f"all {len(found)} take events")
    names = "; ".join(f"{one.name} ({states[one.name]}): {one.error}" for one in failing)
    down = any(states[one.name] != "failing" for one in failing)
    state: State = "wrong" if down else "warning"
    return Component(
        name=_DESTINATIONS, state=state, says=f"{len(failing)} of {len(found)} fail: {names}",
        hint="Nothing is lost while changes are kept. Mend the endpoint or its block, then see: "
        "sentinel event destination list", since=_first_failure(failing),
    )  # fmt: skip


def web_feeds_state(store: Store) -> Component:
    """Return how many web feeds there are, and when one was read last.

    Args:
        store: the shared database

    Returns:
        A note where there is none.
    """
    count, read_at = WebFeeds(store).last_read()
    if not count:
        return Component(name=_FEEDS, state="note", says="there is none",
                         hint="Make one: sentinel feed add, "
                         "docs/how-to/read-alerts-in-a-feed-reader.md")  # fmt: skip
    feeds = "1 feed" if count == 1 else f"{count} feeds"
    says = f"{feeds}, never read" if read_at is None else f"{feeds}, read"
    return Component(name=_FEEDS, state="ok", says=says, since=read_at)


def _breaker(one: EventDestination) -> Breaker:
    return Breaker(
        failures=one.failures, opened_at=one.opened_at, probe_at=one.probe_at, probes=one.probes,
        refusing=one.refusing,
    )  # fmt: skip


def _first_failure(failing: list[EventDestination]) -> datetime | None:
    known = [at for one in failing if (at := one.opened_at or one.failed_at) is not None]
    return min(known, default=None)
