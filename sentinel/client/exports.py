"""Requests whose answer is a file, made once for both kinds of client.

```python
from sentinel.client import Client, exports

with Client() as sentinel, open("alerts.csv", "wb") as file:
    for part in sentinel.download(exports.alerts(rule="disk-full")):
        file.write(part)
```
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from sentinel.client.calls import BASE, Call

__all__ = ["alerts", "oncall_calendar", "requests", "rule", "rules", "usage"]

_WAIT = 120.0
"""Seconds until a workbook begins, which is written before it is sent."""


def alerts(
    *,
    status: Sequence[str] = (),
    severity: Sequence[str] = (),
    rule: str = "",
    q: str = "",
    tenant: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    kind: Literal["csv", "xlsx"] = "csv",
) -> Call[Any]:
    """Return the request for all alerts that match, as a file, newest first.

    Args:
        status: as shown, several allowed
        severity: words, several allowed
        rule: name of the rule
        q: a search, as in the dashboard
        tenant: whose; empty for all that the token may see
        since: opened at or after
        until: opened before
        kind: of the file; a workbook (`xlsx`) takes at most 50,000 alerts

    Returns:
        The request, for `download`.
    """
    params: dict[str, Any] = {
        "status": list(status) or None, "severity": list(severity) or None, "rule": rule or None,
        "q": q or None, "tenant": tenant or None,
        "since": None if since is None else since.isoformat(),
        "until": None if until is None else until.isoformat(),
    }  # fmt: skip
    return Call(None, "GET", f"{BASE}/alerts.{kind}", params, wait=_WAIT)


def oncall_calendar(*, schedule: str = "", person: str = "", days: int = 90) -> Call[Any]:
    """Return the request for the shifts to come as an iCalendar file.

    Args:
        schedule: its name; empty for all
        person: whose shifts; empty for everybody's
        days: how many to look ahead

    Returns:
        The request, for `download`.
    """
    params = {"schedule": schedule or None, "person": person or None, "days": days}
    return Call(None, "GET", f"{BASE}/oncall/calendar.ics", params)


def rule(
    name: str, *, tenant: str = "default", kind: Literal["yaml", "json"] = "yaml"
) -> Call[Any]:
    """Return the request for a rule as a file that `sentinel deploy` takes; secrets are not in it.

    Args:
        name: of the rule
        tenant: whose it is
        kind: of the file

    Returns:
        The request, for `download`.
    """
    path = f"{BASE}/rules/{quote(name, safe='')}/prefect.yaml"
    return Call(None, "GET", path, {"tenant": tenant, "format": kind})


def rules(names: Sequence[str] = (), *, kind: Literal["yaml", "json"] = "yaml") -> Call[Any]:
    """Return the request for rules as one file that `sentinel deploy` takes; see `rule`.

    Args:
        names: of the rules; without one, all that the token may read
        kind: of the file

    Returns:
        The request, for `download`.
    """
    params = {"name": list(names) or None, "format": kind}
    return Call(None, "GET", f"{BASE}/rule-files", params, wait=_WAIT)


def requests(
    query: str = "", *, kind: Literal["csv", "ndjson", "parquet"] = "csv", **more: Any
) -> Call[Any]:
    """Return the request for all requests to APIs that match, as a file, oldest first.

    Args:
        query: such as `consumer:user-7 status:>=400`
        kind: of the file
        more: since, until, tenant

    Returns:
        The request, for `download`.
    """
    params = {"query": query, "format": kind, **more}
    return Call(None, "GET", "/api/v1/requests/export", params, wait=_WAIT)


def usage(
    by: str, query: str = "", *, kind: Literal["csv", "ndjson", "parquet"] = "csv", **more: Any
) -> Call[Any]:
    """Return the request for usage by the values of a field, part by part, as a file.

    Args:
        by: service, consumer, key, plan, method, endpoint, status, address, agent or refused
        query: as `requests` takes it
        kind: of the file
        more: since, until, parts, tenant

    Returns:
        The request, for `download`.
    """
    params = {"by": by, "query": query, "format": kind, **more}
    return Call(None, "GET", "/api/v1/usage/export", params, wait=_WAIT)
