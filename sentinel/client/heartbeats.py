"""Requests about heartbeats: a job reports that it runs.

```python
from sentinel.client import Client, heartbeats

with Client() as sentinel:
    sentinel.do(heartbeats.beat("nightly-backup"))
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.calls import BASE, Call

__all__ = ["Beat", "Heartbeat", "beat", "last"]


class Beat(BaseModel):
    """A heartbeat as it was stored."""

    job: str
    status: Literal["ok", "fail"]
    at: datetime


class Heartbeat(BaseModel):
    """A job and its last heartbeat; None where there is none within a week.

    `ping` is the path of a URL at which the job may send heartbeats without a token; None where
    you may not know it.
    """

    job: str
    last: datetime | None
    status: Literal["ok", "fail"] | None
    ping: str | None


def beat(
    job: str, *, status: Literal["ok", "fail"] = "ok", tenant: str | None = None
) -> Call[Beat]:
    """Return the request that stores a heartbeat.

    Args:
        job: its name
        status: fail where the job ran and failed
        tenant: whose it is; None for the only one of the token, or `default`

    Returns:
        The request.
    """
    return Call(Beat, "POST", _of(job), {"status": status, "tenant": tenant})


def last(job: str, *, tenant: str | None = None) -> Call[Heartbeat]:
    """Return the request for the last heartbeat of a job; `tenant` as in `beat`."""
    return Call(Heartbeat, "GET", _of(job), {"tenant": tenant})


def _of(job: str) -> str:
    return f"{BASE}/heartbeats/{quote(job, safe='')}"
