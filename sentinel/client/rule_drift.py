"""The request that compares a rule with its file, made once for both kinds of client.

```python
from sentinel.client import Client, rule_drift

with Client() as sentinel:
    found = sentinel.do(rule_drift.drift("disk-full"))
    print([one.place for one in found.differences])
```
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["RuleDifference", "RuleDrift", "drift"]


class RuleDifference(BaseModel):
    """One difference; `hidden` where both values are left out, as they may hold secrets."""

    place: str
    there: Any = None
    here: Any = None
    hidden: bool = False


class RuleDrift(BaseModel):
    """A rule beside its file; `file` is None where no file has it on the API's machine."""

    rule: str
    file: str | None
    edited: bool
    differences: list[RuleDifference]
    refused: list[str]


def drift(rule: str, *, tenant: str = "default") -> Call[RuleDrift]:
    """Return the request that compares a rule with its file.

    Args:
        rule: its name
        tenant: whose it is

    Returns:
        The request, for `do`.
    """
    path = f"{BASE}/rules/{quote(rule, safe='')}/drift"
    return Call(RuleDrift, "GET", path, {"tenant": tenant})
