"""Requests that deploy rules from files, or try those of files, made once for both kinds of client.

```python
from pathlib import Path

from sentinel.client import Client, rule_files

files = {"rules.yaml": Path("rules.yaml").read_text()}
with Client() as sentinel:
    planned = sentinel.do(rule_files.plan(files))
    sentinel.do(rule_files.apply(files, version=planned.version))
```
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call
from sentinel.client.models import Tagged
from sentinel.client.rule_drift import RuleDifference
from sentinel.client.rule_trials import REPLAY_SECONDS, Tried

__all__ = [
    "ROLLOUT_SECONDS",
    "RolledOut",
    "RuleFileDifferences",
    "RuleStep",
    "apply",
    "backtest",
    "diff",
    "plan",
]

ROLLOUT_SECONDS = 300.0
"""So long a rollout may take: each rule is one request to Prefect, or several."""


class RuleStep(BaseModel):
    """What a rollout does with one rule; `change` as in `created`, `reasons` where it refuses it.

    `edited` is whether the rule was edited in Prefect since the last rollout.
    """

    name: str
    file: str
    change: str
    edited: bool
    differences: list[RuleDifference]
    reasons: list[str]


class RolledOut(Tagged):
    """A step for each rule; of a plan, with the version that `apply` takes."""

    steps: list[RuleStep]


class RuleFileDifferences(BaseModel):
    """What changed rules would have done: Markdown for each rule that differs."""

    sections: list[str]


def plan(files: Mapping[str, str]) -> Call[RolledOut]:
    """Return the request for what rule files would change; nothing is changed.

    Args:
        files: YAML or JSON, by the name of the file

    Returns:
        The request, for `do`.
    """
    body = {"document": dict(files)}
    return Call(RolledOut, "POST", f"{BASE}/rule-files/plan", body=body, wait=ROLLOUT_SECONDS)


def apply(files: Mapping[str, str], *, version: str = "") -> Call[RolledOut]:
    """Return the request that deploys the rules of files.

    Args:
        files: YAML or JSON, by the name of the file
        version: of the plan, to change only what was compared there

    Returns:
        The request; `do` raises `Conflict` where something changed since.
    """
    headers = {"If-Match": version} if version else {}
    return Call(
        RolledOut, "POST", f"{BASE}/rule-files/apply", body={"document": dict(files)},
        headers=headers, wait=ROLLOUT_SECONDS,
    )  # fmt: skip


def backtest(files: Mapping[str, str], rule: str, *, hours: float = 168) -> Call[Tried]:
    """Return the request for what a rule of files would have done on what was stored.

    Args:
        files: YAML or JSON, by the name of the file
        rule: its name
        hours: so many up to now are replayed

    Returns:
        The request, for `do`.
    """
    body = {"document": dict(files), "rule": rule, "hours": hours}
    return Call(Tried, "POST", f"{BASE}/rule-files/backtest", body=body, wait=REPLAY_SECONDS)


def diff(files: Mapping[str, str], *, hours: float = 168) -> Call[RuleFileDifferences]:
    """Return the request for what changed rules would have done, beside those that last ran.

    Args:
        files: YAML or JSON, by the name of the file
        hours: so many up to now are replayed

    Returns:
        The request, for `do`.
    """
    body = {"document": dict(files), "hours": hours}
    path = f"{BASE}/rule-files/diff"
    return Call(RuleFileDifferences, "POST", path, body=body, wait=ROLLOUT_SECONDS)
