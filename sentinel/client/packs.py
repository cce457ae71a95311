"""Requests about the packs of rules that ship with Sentinel, made once for both kinds of client.

```python
from sentinel.client import Client, packs

with Client() as sentinel:
    for one in sentinel.do(packs.packs()).items:
        print(one.name, [rule.name for rule in sentinel.do(packs.pack(one.name)).rules])
    planned = sentinel.do(packs.installation("machine"))
    sentinel.do(packs.install("machine", version=planned.version))
```
"""

from __future__ import annotations

from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call
from sentinel.client.rule_files import ROLLOUT_SECONDS, RolledOut

__all__ = [
    "Pack",
    "PackDetail",
    "PackPage",
    "PackRule",
    "install",
    "installation",
    "pack",
    "packs",
    "removal",
    "remove",
]


class Pack(BaseModel):
    """A pack, how many rules it has, and whether all of them are deployed."""

    name: str
    description: str
    rules: int
    installed: bool = False


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


def installation(name: str) -> Call[RolledOut]:
    """Return the request for what installing a pack would change; nothing is changed."""
    return _call("GET", name, "installation")


def install(name: str, *, version: str = "") -> Call[RolledOut]:
    """Return the request that deploys the rules of a pack.

    Args:
        name: of the pack
        version: of `installation`, to change only what was compared there

    Returns:
        The request; `do` raises `Conflict` where something changed since.
    """
    return _call("PUT", name, "installation", version)


def removal(name: str) -> Call[RolledOut]:
    """Return the request for what removing a pack would delete; nothing is changed."""
    return _call("GET", name, "removal")


def remove(name: str, *, version: str = "") -> Call[RolledOut]:
    """Return the request that deletes the deployments of a pack.

    Args:
        name: of the pack
        version: of `removal`, to delete only what was found there

    Returns:
        The request; `do` raises `Conflict` where something changed since.
    """
    return _call("DELETE", name, "installation", version)


def _call(method: str, name: str, what: str, version: str = "") -> Call[RolledOut]:
    path = f"{BASE}/packs/{quote(name, safe='')}/{what}"
    headers = {"If-Match": version} if version else {}
    return Call(RolledOut, method, path, headers=headers, wait=ROLLOUT_SECONDS)
