"""The alerts, routes and silences of `benchmarks.notify`, through our pipeline in one process.

Of each alert: its labels as matchers see them, its way through the routes and so its group, and
what silences or inhibits it; of each group: the decision for its receiver. No database and no
sending.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from sentinel import Rule
from sentinel.notifications.decision import GroupNow, Notified, decide
from sentinel.notifications.group_policy import policy_from
from sentinel.notifications.grouping import labels_with
from sentinel.notifications.message_limit import MessageLimits, SentRecently
from sentinel.notifications.routing import compiled, memberships
from sentinel.notifications.silence import SilenceIndex, SilenceTerms, matcher_sets

SERVICES = 1_000
"""So many routes, and silences: of each service, one of its ten hosts is silenced."""
HOSTS = 10
MOUNTS = 10
INHIBITIONS = 100
"""Of so many services, one alert of a host that is not silenced mutes another of the same host."""
CHANGED = 1_000
"""So many alerts are decided on one at a time, after all."""
ALERTS = SERVICES * HOSTS * MOUNTS
WAIT = 1


def alert_labels() -> list[dict[str, str]]:
    """Return the labels of all alerts, those of one service together."""
    return [
        {"alertname": "disk", "service": f"svc-{s}", "host": f"host-{s}-{h}", "mount": f"/data/{m}"}
        for s in range(SERVICES)
        for h in range(HOSTS)
        for m in range(MOUNTS)
    ]


def silences() -> list[dict[str, str]]:
    """Return the labels that each silence wants."""
    return [{"service": f"svc-{s}", "host": f"host-{s}-0"} for s in range(SERVICES)]


def inhibitions() -> list[dict[str, Any]]:
    """Return the inhibition rules, as Alertmanager and we read them."""
    return [
        {
            "source_matchers": [f'service="svc-{s}"', f'host="host-{s}-1"', 'mount="/data/0"'],
            "target_matchers": [f'service="svc-{s}"', 'mount="/data/1"'],
            "equal": ["service", "host"],
        }
        for s in range(INHIBITIONS)
    ]


def muted(labels: Mapping[str, str]) -> bool:
    """Return whether an alert is silenced or inhibited, by its place among the alerts."""
    number = int(labels["service"].removeprefix("svc-"))
    silenced = labels["host"] == f"host-{number}-0"
    inhibited = labels["host"] == f"host-{number}-1" and labels["mount"] == "/data/1"
    return silenced or (inhibited and number < INHIBITIONS)


def document() -> dict[str, Any]:
    """Return what the instance is configured by, for Alertmanager beside its receivers."""
    return {"route": routes(), "inhibit_rules": inhibitions()}


def routes() -> dict[str, Any]:
    """Return the routes, as Alertmanager and we read them."""
    return {
        "receiver": "default",
        "group_by": ["service"],
        "group_wait": f"{WAIT}s",
        "group_interval": "5m",
        "repeat_interval": "4h",
        "routes": [
            {"receiver": "default", "matchers": [f'service="svc-{s}"']} for s in range(SERVICES)
        ],
    }


class _Pipeline:
    """All alerts in memory: of each group how many fire and are muted, and what inhibits."""

    def __init__(self) -> None:
        self.tree = compiled(yaml.safe_dump(document()))
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.silences = SilenceIndex(
            SilenceTerms(
                id=f"s{number}", starts_at=self.now - timedelta(hours=1),
                until=self.now + timedelta(hours=1), ended_at=None, author="ann", comment="",
                sets=matcher_sets([",".join(f'{k}="{v}"' for k, v in wanted.items())]),
            )
            for number, wanted in enumerate(silences())
        )  # fmt: skip
        self.rule = Rule.model_validate({"name": "disk", "when": {"above": 90}})
        self.groups: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        self.homes: dict[str, Any] = {}
        self.sources: dict[str, list[bool]] = defaultdict(list)
        self.limits = SentRecently(MessageLimits(usual=0), (), self.now)

    def known(self, labels: dict[str, str]) -> dict[str, str]:
        """Return the labels as matchers see them; the alert inhibits from now on."""
        rule = self.rule
        known = labels_with(
            rule.labels, labels, rule=rule.name, category="system", team="", tenant=rule.tenant,
            owner="", severity="high",
        )  # fmt: skip
        for key, both in self.tree.inhibitions.as_source(known).items():
            self.sources[key].append(both)
        return known

    def place(self, labels: dict[str, str], known: dict[str, str]) -> list[str]:
        """Count an alert in its groups; return their keys."""
        is_muted = self.silences.muting(known, self.now) is not None or any(
            not (mine and both)
            for key, mine in self.tree.inhibitions.as_target(known).items()
            for both in self.sources.get(key, ())
        )
        keys: list[str] = []
        for home in memberships(
            self.tree, self.rule, labels, "system", check=False, severity="high"
        ):
            self.homes[home.key] = home
            counts = self.groups[home.key]
            counts[0] += 1
            counts[1] += is_muted
            keys.append(home.key)
        return keys

    def decide(self, key: str) -> int:
        """Decide on a group; return how many alerts are in its message."""
        firing, suppressed = self.groups[key]
        home = self.homes[key]
        receiver = home.receivers[0]
        last = Notified(limited_until=self.limits.limited_until(receiver, "inbox"))
        group = GroupNow(
            seq=1, opened_at=self.now, severity=4, firing=firing, suppressed=suppressed,
            new_firing=firing - suppressed,
        )  # fmt: skip
        later = self.now + timedelta(seconds=WAIT)
        if not decide(group, last, later, policy_from(home.policy, 4)).send:
            return 0
        self.limits.sends(receiver, "inbox")
        return firing - suppressed


def pipeline() -> tuple[int, float, float]:
    """Decide on all alerts once, and then on some that change, one at a time.

    Returns:
        How many are in the messages, the seconds of processor time that it took, and the median of
        the seconds that one changed alert took.
    """
    made = _Pipeline()
    given = alert_labels()
    began = time.process_time()
    every = [made.known(labels) for labels in given]
    for labels, known in zip(given, every, strict=True):
        made.place(labels, known)
    sent = sum(map(made.decide, list(made.groups)))
    spent = time.process_time() - began
    took: list[float] = []
    for labels in given[:: ALERTS // CHANGED]:
        changed = {**labels, "mount": "/changed"}
        before = time.perf_counter()
        for key in made.place(changed, made.known(changed)):
            made.decide(key)
        took.append(time.perf_counter() - before)
    return sent, spent, statistics.median(took)
