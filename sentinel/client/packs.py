"""Requests about the packs of rules that ship with Sentinel, made once for both kinds of client.

```python
from sentinel.client import Client, packs

with Client() as sentinel:
    for one in sentinel.do(packs.packs()).items:
        print(one.name, [rule.name for rule in sentinel.do(packs.pack(one.name)).rules])
```
"""

from __future__ import annotations

from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Pack", "PackDetail", "PackPage", "PackRule", "pack", "packs"]


class Pack(BaseModel):
    """A pack, and how many rules it has."""

    name: str
    description: str
    rules: int


class PackPage(BaseModel):
    """All packs, by name."""

    items: list[Pack]


class PackRule(BaseModel):
    """A rule of a pack; `scheduled` where it runs without being changed first."""

    name: str
    description: str
    trigger: str
    severity: str
    scheduled: bool


class PackDetail(BaseModel):
    """A pack with its rules, in the order of its file."""

    name: str
    description: str
    rules: list[PackRule]


def packs() -> Call[PackPage]:
    """Return the request for all packs."""
    return Call(PackPage, "GET", f"{BASE}/packs")


def pack(name: str) -> Call[PackDetail]:
    """Return the request for one pack with its rules."""
    return Call(PackDetail, "GET", f"{BASE}/packs/{quote(name, safe='')}")
