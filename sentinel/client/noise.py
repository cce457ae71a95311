"""Requests about noise: the fatigue of rules, teams and people, and what makes a rule less noisy.

```python
from sentinel.client import Client, noise

with Client() as sentinel:
    for one in sentinel.do(noise.fatigue(days=7)).rules:
        print(one.name, one.score)
    for advice in sentinel.do(noise.of_rule("disk-space")).advice:
        print(advice.text, advice.messages_before, advice.messages_after)
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from sentinel.client.calls import BASE, Call

__all__ = [
    "Advice", "Applied", "Fatigue", "Ranking", "RuleFatigue", "Scored", "apply", "fatigue",
    "of_rule",
]  # fmt: skip


class Scored(BaseModel):
    """The fatigue of a rule, a team or a person; `score` is None without enough data.

    `learned` says where a rule stands in a learned order, from 0 to 100, where that orders.
    """

    name: str
    tenant: str = ""
    score: float | None
    alerts: int
    learned: float | None = None
    parts: list[dict[str, Any]]


class Ranking(BaseModel):
    """How the rules are ordered: `learned`, or by the fatigue score; `text` says why.

    The average precisions are those of the weeks held out, with the 95 % interval of their
    difference; None where nothing was compared.
    """

    model_config = ConfigDict(extra="allow")

    learned: bool
    text: str
    precision: float | None
    simple_precision: float | None
    low: float | None
    high: float | None
    intercept: float
    coefficients: dict[str, float]


class Fatigue(BaseModel):
    """The noise of a period, the highest scores first, and rules as `ranking` says.

    `definition` says how a score is made.
    """

    since: datetime
    until: datetime
    definition: str
    ranking: Ranking
    rules: list[Scored]
    teams: list[Scored]
    people: list[Scored]


class Advice(BaseModel):
    """One change, and what it would have made of the alerts of the period."""

    model_config = ConfigDict(extra="allow")

    kind: str
    text: str
    fields: dict[str, str]
    messages_before: int
    messages_after: int
    needed: int
    lost: int
    command: str


class RuleFatigue(BaseModel):
    """The noise of one rule, and what would make it less.

    The advice counts what fired after `advised_since`, when the rule was last changed or the period
    began; `note` says why there is none.
    """

    rule: str
    tenant: str
    owner: str
    since: datetime
    until: datetime
    times_fired: int
    fatigue: Scored
    advised_since: datetime
    note: str
    advice: list[Advice]


class Applied(BaseModel):
    """What became of an advice; where it is not `done`, `difference` is to be made in a file."""

    done: bool
    text: str
    difference: str


def fatigue(*, days: float = 7) -> Call[Fatigue]:
    """Return the request for the noise of the last days."""
    return Call(Fatigue, "GET", f"{BASE}/fatigue", {"days": days})


def of_rule(rule: str, *, tenant: str = "default", days: float = 7) -> Call[RuleFatigue]:
    """Return the request for the noise of one rule.

    Args:
        rule: its name
        tenant: whose it is
        days: length of the period

    Returns:
        The request.
    """
    asked = {"tenant": tenant, "days": days}
    return Call(RuleFatigue, "GET", f"{BASE}/fatigue/{rule}", asked)


def apply(
    rule: str, kind: str, *, tenant: str = "default", days: float = 7, idempotency_key: str = ""
) -> Call[Applied]:
    """Return the request that applies an advice.

    Args:
        rule: its name
        kind: of the advice, as `of_rule` gives it
        tenant: whose the rule is
        days: length of the period
        idempotency_key: lets the same request be sent again

    Returns:
        The request.
    """
    asked = {"tenant": tenant, "days": days}
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    path = f"{BASE}/fatigue/{rule}/advice/{kind}"
    return Call(Applied, "POST", path, asked, headers=headers)
