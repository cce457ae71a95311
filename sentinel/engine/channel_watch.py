"""Alert about channels that take no messages; the relay, which needs no worker, asks here."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.checks.reading import Reading
from sentinel.engine.own_rules import apply_own
from sentinel.labels.text import storable
from sentinel.notifications.grouping import CHANNEL
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.notifications.channel_health import UNUSABLE, ChannelState, channel_states

__all__ = ["RULE", "ChannelWatch"]

RULE = "sentinel-channels"


class ChannelWatch:
    """Keeps one alert of high severity open for each channel that takes no messages.

    The alert is sent to the other channels of the receiver `default`, or to the inbox where none
    of them takes messages either.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def evaluate(self, now: datetime) -> None:
        """Evaluate once.

        Args:
            now: the present time
        """
        states = [one for one in channel_states(self._store) if one.channel != "inbox"]
        live = {labels.get(CHANNEL, "") for labels in live_labels(self._store, RULE)}
        if not live and not any(one.state in UNUSABLE for one in states):
            return
        # A channel that failed once or twice keeps its alert, or has none yet.
        readings = [_reading(one) for one in states if one.state != "failing"]
        unused = live - {one.channel for one in states}
        readings += [Reading(labels={CHANNEL: ref}, firing=False) for ref in sorted(unused)]
        apply_own(
            self._store, now, readings, name=RULE,
            description="A channel takes no messages, so that its receivers are not notified.",
            group_by=[CHANNEL],
            group_wait=timedelta(0),
        )  # fmt: skip


def _reading(one: ChannelState) -> Reading:
    does = {
        "refused": f"refuses messages: {one.error}",
        "missing": "does not exist: Prefect has no usable block of that name",
    }.get(one.state, f"does not answer: {one.error}")
    return Reading(
        labels={CHANNEL: one.channel},
        firing=one.state in UNUSABLE,
        summary=storable(f"{one.channel} {does}")[:500],
        details={"receivers": ", ".join(one.receivers), "failures": one.failures},
    )
