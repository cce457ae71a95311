"""Requests about the archive of resolved alerts, made once for both kinds of client.

```python
from sentinel.client import Client, archive

with Client() as sentinel:
    found = sentinel.do(archive.search("lost a disk", rule="raid"))
    sentinel.do(archive.restore([one.id for one in found.items], days=7))
```
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from sentinel.alerts.view import AlertView
from sentinel.client.calls import BASE, Call

__all__ = ["ArchivedAlert", "ArchivedAlerts", "Restored", "restore", "search"]

_SECONDS = 60.0


class ArchivedAlert(AlertView):
    """An alert in the archive, and the id of the file that has it."""

    archived: bool
    file: str


class ArchivedAlerts(BaseModel):
    """Archived alerts, the last resolved first.

    Where `unread_until` is given, what was resolved by then may hold more. `unreadable` names the
    files that are damaged or missing, and were left out.
    """

    items: list[ArchivedAlert]
    more: bool
    unread_until: datetime | None = None
    unreadable: list[str] = []


class Restored(BaseModel):
    """The ids of alerts that are in the database again."""

    ids: list[str]


def search(
    words: str = "", *, rule: str = "", severity: str = "", since: datetime | None = None,
    until: datetime | None = None, limit: int = 50,
) -> Call[ArchivedAlerts]:  # fmt: skip
    """Return the request for archived alerts.

    Args:
        words: each stands somewhere in title, description, rule, labels or comments
        rule: name of the rule; empty for any
        severity: the least; empty for any
        since: resolved at or after this
        until: resolved before this
        limit: at most so many, up to 500

    Returns:
        The request.
    """
    params = {
        "search": words or None, "rule": rule or None, "severity": severity or None,
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None, "limit": limit,
    }  # fmt: skip
    return Call(ArchivedAlerts, "GET", f"{BASE}/archive", params=params, wait=_SECONDS)


def restore(ids: Sequence[str], *, days: int = 30) -> Call[Restored]:
    """Return the request that puts alerts back into the database, all of them or none.

    Args:
        ids: of alerts, at most 100
        days: how long they stay before they are archived again

    Returns:
        The request.
    """
    body = {"ids": list(ids), "days": days}
    return Call(Restored, "POST", f"{BASE}/archive/restore", body=body, wait=_SECONDS)
