"""Requests about canaries, the alerts that prove the path to each receiver.

```python
from sentinel.client import Client, canaries

with Client() as sentinel:
    for path in sentinel.do(canaries.status()).items:
        print(path.receiver, path.channel, path.state)
```
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["CanaryDoor", "CanaryPath", "CanaryStatus", "send", "status"]

_PATH = f"{BASE}/canaries"


class CanaryPath(BaseModel):
    """The path to one channel of one receiver, and how its newest canary fared."""

    receiver: str
    channel: str
    state: str
    sent_at: datetime | None
    arrived_at: datetime | None
    took: float | None
    error: str
    alert_id: str


class CanaryDoor(BaseModel):
    """The path through a door by which other systems post, and how its newest canary fared."""

    door: str
    state: str
    sent_at: datetime
    arrived_at: datetime | None
    took: float | None
    error: str


class CanaryStatus(BaseModel):
    """All paths of the newest run; `every` and `within` are seconds."""

    every: float
    within: float
    items: list[CanaryPath]
    doors: list[CanaryDoor]


def status() -> Call[CanaryStatus]:
    """Return the request for how each path stands."""
    return Call(CanaryStatus, "GET", _PATH)


def send(receivers: Sequence[str] = (), *, once: bool = False) -> Call[CanaryStatus]:
    """Return the request that sends canaries now.

    Args:
        receivers: names, beside those of the last run
        once: only these, or all where none is named, and no run is expected afterwards

    Returns:
        The request; `do` raises `ConfigurationError` where there is no such receiver.
    """
    body = {"receivers": list(receivers), "once": once}
    return Call(CanaryStatus, "POST", _PATH, body=body)
