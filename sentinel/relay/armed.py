"""Which events that arm escalations are published, so that a storm starts few runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sentinel.prefect_client.port import OutEvent
from sentinel.store.escalations.armed import ARMED

__all__ = ["ARMED_EVERY", "thinned"]

ARMED_EVERY = timedelta(seconds=5)
"""The least time between two events that schedule a run of `escalate` after one delay."""


def thinned(
    events: Iterable[OutEvent], armed: Mapping[str, datetime], now: datetime
) -> tuple[list[OutEvent], dict[str, datetime]]:
    """Leave out events that one of a moment ago stands for: its run does what is due for all.

    Args:
        events: from the outbox
        armed: when the last event of each delay was published
        now: the present moment

    Returns:
        The events to publish, and `armed` afterwards.
    """
    after = {name: at for name, at in armed.items() if timedelta(0) <= now - at < ARMED_EVERY}
    kept: list[OutEvent] = []
    for event in events:
        name = event.resource["prefect.resource.id"]
        if event.event == ARMED and name in after:
            continue
        if event.event == ARMED:
            after[name] = now
        kept.append(event)
    return kept, after
