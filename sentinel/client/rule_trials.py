"""Requests that try a rule: on sample data, or on what was stored. Nothing of it is kept.

```python
from sentinel.client import Client, rule_trials

with Client() as sentinel:
    rule = {"name": "queue", "metric": "queue_depth", "threshold_value": 500}
    tried = sentinel.do(rule_trials.test(rule, [{"value": 412}, {"value": 731}]))
    print(len(tried.alerts), "alerts")
    sentinel.do(rule_trials.backtest("disk-full", hours=24, changes={"threshold_value": 90}))
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["REPLAY_SECONDS", "Spell", "Tried", "TriedAlert", "TriedMessage", "backtest", "test"]

REPLAY_SECONDS = 120.0
"""Seconds for a replay, which evaluates a rule up to once a second over many days."""


class Spell(BaseModel):
    """One time that an alert would have been open; `ended` is None where it still would be."""

    opened: datetime
    ended: datetime | None
    reason: str
    reason_text: str


class TriedAlert(BaseModel):
    """An alert that would have opened."""

    title: str
    labels: dict[str, str]
    severity: str
    rank: int
    source: str
    rule: str
    spells: list[Spell]


class TriedMessage(BaseModel):
    """A message that would have been sent."""

    at: datetime
    receiver: str
    channel: str
    reason: str
    reason_text: str
    severity: str
    title: str


class Tried(BaseModel):
    """What a rule would have done; `bad` evaluations saw something bad, `failed` ones an error."""

    rule: str
    since: datetime
    until: datetime
    evaluations: int
    bad: int
    failed: int
    error: str
    series: int
    alerts: list[TriedAlert]
    messages: list[TriedMessage]
    peaks: list[tuple[datetime, float | None]] = []
    of: Literal["readings", "events"] = "readings"
    notes: list[str]


def test(rule: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> Call[Tried]:
    """Return the request for what a rule would do with some values.

    Args:
        rule: its fields, or the words of other systems, as for `Client.create_rule`
        samples: each with a `value`, and `at` and `labels` where they matter; those at the same
            moment are one evaluation, and without `at` each is one, a period after the one before

    Returns:
        The request, for `do`.
    """
    body = {"rule": dict(rule), "samples": [dict(one) for one in samples]}
    return Call(Tried, "POST", f"{BASE}/rules/test", body=body, wait=REPLAY_SECONDS)


def backtest(
    name: str, *, hours: float = 24, changes: Mapping[str, Any] | None = None,
    tenant: str = "default",
) -> Call[Tried]:  # fmt: skip
    """Return the request for what a rule would have done on what was stored.

    Args:
        name: of the rule
        hours: so many up to now are replayed
        changes: fields of the rule to try
        tenant: whose it is

    Returns:
        The request, for `do`.
    """
    path = f"{BASE}/rules/{quote(name, safe='')}/backtest"
    body = {"hours": hours, "changes": None if changes is None else dict(changes)}
    return Call(Tried, "POST", path, {"tenant": tenant}, body, wait=REPLAY_SECONDS)
