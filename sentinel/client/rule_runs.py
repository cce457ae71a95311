"""Requests that run a rule now, made once for both kinds of client.

```python
from sentinel.client import Client, rule_runs

with Client() as sentinel:
    started = sentinel.do(rule_runs.start("disk-full"))
    now = sentinel.do(rule_runs.run("disk-full", started.flow_run_id))
```
"""

from __future__ import annotations

from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["RuleRun", "run", "start"]


class RuleRun(BaseModel):
    """A flow run of a rule: `state` as Firing, `type` as COMPLETED."""

    rule: str
    flow_run_id: str
    name: str
    state: str
    type: str
    message: str
    url: str


def start(rule: str, *, tenant: str = "default", idempotency_key: str = "") -> Call[RuleRun]:
    """Return the request that starts a flow run of a rule's deployment.

    Args:
        rule: its name
        tenant: whose it is
        idempotency_key: of your own, so that a retry starts none

    Returns:
        The request, for `do`.
    """
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return Call(RuleRun, "POST", _runs(rule), {"tenant": tenant}, headers=headers)


def run(rule: str, flow_run_id: str, *, tenant: str = "default") -> Call[RuleRun]:
    """Return the request for a flow run of a rule, as it is now."""
    return Call(RuleRun, "GET", f"{_runs(rule)}/{quote(flow_run_id, safe='')}", {"tenant": tenant})


def _runs(rule: str) -> str:
    return f"{BASE}/rules/{quote(rule, safe='')}/runs"
