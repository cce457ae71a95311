"""The request for the digest of a team.

```python
from sentinel.client import Client, digests

with Client() as sentinel:
    print(sentinel.do(digests.digest("db")).text)
```
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from sentinel.client.calls import BASE, Call

__all__ = ["TeamDigest", "digest"]


class TeamDigest(BaseModel):
    """What the digest of a team says; every field of the API's answer is in a dump of it."""

    model_config = ConfigDict(extra="allow")

    team: str
    since: datetime
    until: datetime
    opened: int
    open_count: int
    alerts: list[dict[str, Any]]
    title: str
    text: str


def digest(team: str, at: datetime | None = None) -> Call[TeamDigest]:
    """Return the request for a digest as it was last due.

    Args:
        team: of the on-call document
        at: the last one before this moment; None for now

    Returns:
        The request.
    """
    asked = None if at is None else at.isoformat()
    return Call(TeamDigest, "GET", f"{BASE}/oncall/digests/{quote(team, safe='')}", {"at": asked})
