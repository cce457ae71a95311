"""Alerts about escalations that do not go on, and about steps that find nobody on call.

The sweep and the relay ask here every minute, so that neither a worker nor Prefect is needed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.checks.reading import Reading
from sentinel.engine.own_rules import apply_own
from sentinel.labels.text import storable
from sentinel.oncall.escalation import targets_without_people
from sentinel.printable import counted
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.escalations.resuming import go_on_unmuted
from sentinel.store.escalations.watching import Stuck, stuck, unmanned
from sentinel.store.oncall.stored import StoredOnCall

__all__ = ["NOBODY", "STUCK", "EscalationWatch"]

STUCK = "sentinel-escalations"
NOBODY = "sentinel-on-call"
_POLICY, _TARGET = "sentinel_escalation_policy", "sentinel_escalation_target"
_OWN = "of its rule"
_WORDS = {
    "overdue": "a step has been due since {since}",
    "unsent": "a page has been waiting to be sent since {since}",
    "unreached": "a page is tried again and again, and has reached nobody since {since}",
    "undue": "it waits for nothing",
}


class EscalationWatch:
    """Keeps one alert open for each policy that is stuck, and for each target without people.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def evaluate(self, now: datetime) -> None:
        """Evaluate both rules once, and go on with what is paused and muted no more.

        Args:
            now: the present time
        """
        go_on_unmuted(self._store, now)
        self._stuck(now)
        self._nobody(now)

    def _stuck(self, now: datetime) -> None:
        by_policy: dict[str, list[Stuck]] = {}
        for one in stuck(self._store, now):
            by_policy.setdefault(one.policy or _OWN, []).append(one)
        live = {labels.get(_POLICY, "") for labels in live_labels(self._store, STUCK)}
        if not by_policy and not live:
            return
        readings = [_stuck_reading(policy, some) for policy, some in by_policy.items()]
        over = sorted(live - by_policy.keys())
        readings += [Reading(labels={_POLICY: policy}, firing=False) for policy in over]
        apply_own(
            self._store, now, readings, name=STUCK,
            description="An escalation does not go on: who should be paged is not.",
            group_by=["rule"],
            group_wait=timedelta(0),
        )  # fmt: skip

    def _nobody(self, now: datetime) -> None:
        found = unmanned(self._store)
        live = {
            (labels.get(_POLICY, ""), labels.get(_TARGET, ""))
            for labels in live_labels(self._store, NOBODY)
        }
        if not found and not live:
            return
        oncall = StoredOnCall(self._store).now(now)
        empty = targets_without_people(
            {target for _, target in (*found, *live)}, oncall.document, oncall.overrides_of, now
        )  # fmt: skip
        known = {(policy or _OWN, target) for policy, target in found}
        readings: list[Reading] = []
        for policy, target in sorted(live | known):
            summary = f"Nobody is on call for {target}, which the escalation policy {policy} pages."
            readings.append(
                Reading(
                    labels={_POLICY: policy, _TARGET: target},
                    firing=target in empty or (policy, target) in known,
                    summary=storable(summary)[:500],
                )
            )
        apply_own(
            self._store, now, readings, name=NOBODY,
            description="A step of an escalation found nobody on call and paged the next level.",
            group_by=["rule"],
            group_wait=timedelta(0),
        )  # fmt: skip


def _stuck_reading(policy: str, some: list[Stuck]) -> Reading:
    first = min(some, key=lambda one: (one.since is None, one.since))
    since = "" if first.since is None else f"{first.since:%Y-%m-%d %H:%M:%S} UTC"
    does = "does" if len(some) == 1 else "do"
    summary = f"{counted(len(some), 'escalation')} of the policy {policy} {does} not go on: "
    return Reading(
        labels={_POLICY: policy},
        firing=True,
        summary=storable(summary + _WORDS[first.why].format(since=since))[:500],
        details={"group": first.group_id, "escalations": len(some)},
    )
