"""Sends destinations the changes that they have not taken yet: in their order, at least once each.

A change counts as taken once the destination answered with 2xx and its cursor was written. Where
the process dies in between, the change is sent again, with the same id.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, cast

from sentinel.errors import DeliveryError
from sentinel.events.outgoing import Mode, OutgoingRequest, requests_of
from sentinel.notifications.breaker import Breaker, failed
from sentinel.schema.lifecycle_events import EventDestination
from sentinel.store import Store
from sentinel.store.events.destinations import Destinations
from sentinel.store.events.lifecycle import changes_after

__all__ = ["EventChannel", "send_events"]

log = logging.getLogger(__name__)
_AT_ONCE = 500
_SECONDS = 5.0
"""So long one destination is served before the next has its turn."""


class EventChannel(Protocol):
    """A channel that takes events."""

    def post_events(self, request: OutgoingRequest, /) -> None:
        """Post a request; raises `DeliveryError` where it is not answered with 2xx."""
        ...


def send_events(store: Store, channel_of: Callable[[str], Any], now: datetime) -> None:
    """Send each destination what it has not taken yet.

    Args:
        store: the shared database
        channel_of: returns the channel of a reference
        now: the present moment
    """
    destinations = Destinations(store)
    for one in destinations.due(now):
        _send(store, destinations, one, channel_of, now)


def _send(
    store: Store, destinations: Destinations, to: EventDestination,
    channel_of: Callable[[str], Any], now: datetime,
) -> None:  # fmt: skip
    """Send one destination what it has not taken yet, for some seconds at most."""
    # While it fails, one change alone is tried: that may be what it refuses, or all it can take.
    changes = changes_after(store, to.tenant, to.cursor, 1 if to.failures else _AT_ONCE)
    if not changes.items:
        return
    ends = time.monotonic() + _SECONDS
    for request in requests_of(changes.items, cast("Mode", to.mode)):
        try:
            _channel(channel_of, to).post_events(request)
        except DeliveryError as error:
            _note_failure(store, destinations, to, error, now)
            break
        if not destinations.took(to, request.last):
            break  # somebody moved its cursor, or another process sends too
        if to.opened_at is not None:
            store.log.write(
                "info", "event_destination.recovered",
                f"the destination {to.name} takes events again", {"destination": to.name},
            )  # fmt: skip
        to = to.model_copy(
            update={"cursor": request.last, "failures": 0, "opened_at": None, "probe_at": None}
        )
        if time.monotonic() > ends:
            break


def _channel(channel_of: Callable[[str], Any], to: EventDestination) -> EventChannel:
    channel = channel_of(to.channel)
    if not hasattr(channel, "post_events"):
        raise DeliveryError(
            f"{to.channel} takes no events", permanent=True, hint="Name a sentinel-webhook block."
        )
    return cast("EventChannel", channel)


def _note_failure(
    store: Store, destinations: Destinations, to: EventDestination, error: DeliveryError,
    now: datetime,
) -> None:  # fmt: skip
    before = Breaker(
        failures=to.failures, opened_at=to.opened_at, probe_at=to.probe_at, probes=to.probes,
        refusing=to.refusing,
    )  # fmt: skip
    after = failed(
        before, now, random.random(), refusing=error.permanent,
        retry_after=error.retry_after,
    )  # fmt: skip
    destinations.failed(to, after, str(error))
    log.info("the destination %s did not take events: %s", to.name, error)
    if before.opened_at is None and after.opened_at is not None:
        store.log.write(
            "error", "event_destination.failing",
            f"the destination {to.name} takes no events: {error}",
            {"destination": to.name, "cursor": to.cursor, "do": "sentinel event destination list"},
        )  # fmt: skip
