"""The alerts, routes and silences of `benchmarks.notify`, through our pipeline in one process.

Of each alert: its labels as matchers see them, its way through the routes and so its group, and
what silences it; of each group: the decision for its receiver. No database and no sending.
"""

from __future__ import annotations

import time
from collections import defaultdict
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


def pipeline() -> tuple[int, float]:
    """Decide on all alerts once.

    Returns:
        How many are in the messages, and the seconds of processor time that it took.
    """
    tree = compiled(yaml.safe_dump({"route": routes()}))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    index = SilenceIndex(
        SilenceTerms(
            id=f"s{number}", starts_at=now - timedelta(hours=1), until=now + timedelta(hours=1),
            ended_at=None, author="ann", comment="",
            sets=matcher_sets([",".join(f'{k}="{v}"' for k, v in wanted.items())]),
        )
        for number, wanted in enumerate(silences())
    )  # fmt: skip
    rule = Rule.model_validate({"name": "disk", "when": {"above": 90}})
    given = alert_labels()
    began = time.process_time()
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    homes: dict[str, Any] = {}
    for labels in given:
        for home in memberships(tree, rule, labels, "system", check=False, severity="high"):
            known = labels_with(
                rule.labels, labels, rule=rule.name, category="system", team="",
                tenant=rule.tenant, owner="", severity="high",
            )  # fmt: skip
            homes[home.key] = home
            counts = groups[home.key]
            counts[0] += 1
            counts[1] += index.muting(known, now) is not None
    count = SentRecently(MessageLimits(usual=0), (), now)
    later, sent = now + timedelta(seconds=WAIT), 0
    for key, (firing, muted) in groups.items():
        receiver = homes[key].receivers[0]
        last = Notified(limited_until=count.limited_until(receiver, "inbox"))
        group = GroupNow(
            seq=1, opened_at=now, severity=4, firing=firing, suppressed=muted,
            new_firing=firing - muted,
        )  # fmt: skip
        decision = decide(group, last, later, policy_from(homes[key].policy, 4))
        if decision.send:
            sent += firing - muted
            count.sends(receiver, "inbox")
    return sent, time.process_time() - began
