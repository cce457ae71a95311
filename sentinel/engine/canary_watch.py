"""Alert by another path where a canary did not arrive; the sweep and the relay ask here.

Neither a worker nor Prefect is needed, so that their failure is noticed too.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.checks.reading import Reading
from sentinel.engine.own_rules import apply_own
from sentinel.labels.text import storable
from sentinel.notifications.canary import CanaryPath
from sentinel.notifications.door_canary import DoorPath
from sentinel.notifications.grouping import CHANNEL
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.notifications.canaries import canary_paths
from sentinel.store.notifications.door_canaries import door_paths

__all__ = ["DOOR_RULE", "RULE", "CanaryWatch"]

RULE = "sentinel-canary"
DOOR_RULE = "sentinel-canary-door"
_DOOR = "sentinel_door"
_RECEIVER = "sentinel_receiver"


class CanaryWatch:
    """Keeps one alert open for each path and door on which the newest canary did not arrive.

    It notifies the receivers of the plan, but by no channel that the alert is about; where that
    leaves a receiver none, the receiver `fallback` or the inbox stands in.

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
        plan, paths = canary_paths(self._store)
        receivers = list(plan.receivers) if plan else ["default"]
        self._evaluate_doors(now, receivers)
        live = {(one[_RECEIVER], one[CHANNEL]) for one in live_labels(self._store, RULE)}
        if not live and not any(one.broken for one in paths):
            return
        # A path whose canary has time left keeps its alert, or has none yet.
        readings = [_reading(one) for one in paths if one.state not in ("waiting", "held")]
        gone = live - {(one.receiver, one.channel) for one in paths}
        readings += [
            Reading(labels={_RECEIVER: receiver, CHANNEL: channel}, firing=False)
            for receiver, channel in sorted(gone)
        ]
        apply_own(
            self._store, now, readings, name=RULE,
            description="A canary did not arrive in time: alerts on its path may not either.",
            receivers=receivers,
            group_by=[CHANNEL],
            group_wait=timedelta(0),
        )  # fmt: skip

    def _evaluate_doors(self, now: datetime, receivers: list[str]) -> None:
        paths = door_paths(self._store)
        live = {one[_DOOR] for one in live_labels(self._store, DOOR_RULE)}
        if not live and not any(one.broken for one in paths):
            return
        readings = [_door_reading(one) for one in paths if one.state != "waiting"]
        gone = live - {one.door for one in paths}
        readings += [Reading(labels={_DOOR: door}, firing=False) for door in sorted(gone)]
        apply_own(
            self._store, now, readings, name=DOOR_RULE,
            description="A canary did not arrive by a door: what others post there may not either.",
            receivers=receivers,
            group_by=[_DOOR],
            group_wait=timedelta(0),
        )  # fmt: skip


def _door_reading(one: DoorPath) -> Reading:
    summary = f"The door {one.door} is proved: the canary arrived"
    if one.state == "late":
        summary = f"A canary at the door {one.door} took {one.took:,.0f} seconds to arrive"
    elif one.broken:
        why = f": {one.error}" if one.error else ""
        summary = f"A canary posted at the door {one.door} did not arrive{why}"
    labels = {_DOOR: one.door}
    return Reading(labels=labels, firing=one.broken, summary=storable(summary)[:500])


def _reading(one: CanaryPath) -> Reading:
    summary = f"The path to {one.receiver} by {one.channel} is proved: the canary arrived"
    if one.state == "late":
        summary = f"A canary to {one.receiver} by {one.channel} took {one.took:,.0f} seconds"
    elif one.broken:
        why = f": {one.error}" if one.error else ""
        summary = f"A canary to {one.receiver} by {one.channel} did not arrive{why}"
    return Reading(
        labels={_RECEIVER: one.receiver, CHANNEL: one.channel},
        firing=one.broken,
        summary=storable(summary)[:500],
        details={"canary": one.alert_id},
    )
