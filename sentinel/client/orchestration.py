"""Requests about the orchestration of what comes in.

```python
from sentinel.client import Client, orchestration

with Client() as sentinel:
    found = sentinel.do(orchestration.replay(text, days=30))
    print(found.changed, "of", found.alerts)
    sentinel.do(orchestration.apply(text, note="staging was loud"))
```
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from sentinel.client.alert_routes import Applied, Version, VersionPage
from sentinel.client.calls import BASE, Call

__all__ = [
    "Applied",
    "Checked",
    "Incoming",
    "IncomingPage",
    "QueryItem",
    "QueryList",
    "Replay",
    "Shadow",
    "TableItem",
    "TableList",
    "Tried",
    "Version",
    "VersionPage",
    "active",
    "apply",
    "check",
    "incoming",
    "queries",
    "remove_query",
    "replay",
    "rollback",
    "rollback_table",
    "set_query",
    "shadow",
    "start_shadow",
    "stop_shadow",
    "table_version",
    "table_versions",
    "tables",
    "try_alert",
    "upload_table",
    "version",
    "versions",
]  # fmt: skip

_PATH = f"{BASE}/orchestration"


class Checked(BaseModel):
    """What a document holds, and which tables it lacks."""

    rules: int
    tests: int
    missing_tables: list[str]


class Tried(BaseModel):
    """What becomes of an alert, and what each rule did."""

    verdict: str
    rule: str
    hold_seconds: float | None
    labels: dict[str, str]
    severity: str
    owner: str
    title: str
    annotations: dict[str, str]
    steps: list[dict[str, Any]]


class Replay(BaseModel):
    """What a draft would have made of what came in; each different alert counts once."""

    alerts: int
    cut: bool
    changed: int
    before: dict[str, int]
    after: dict[str, int]
    fields: dict[str, int]
    rules: dict[str, int]
    errors: dict[str, int]
    examples: list[dict[str, Any]]


class Shadow(BaseModel):
    """A draft that runs beside the active version, or ran last, and what it would have changed."""

    id: str
    running: bool
    digest: str
    note: str
    started_by: str
    started_at: datetime
    stopped_by: str
    stopped_at: datetime | None
    replay: Replay


class TableItem(BaseModel):
    """A table that rules may enrich from."""

    name: str
    version: int
    columns: list[str]
    rows: int
    digest: str
    applied_by: str
    applied_at: datetime
    used: bool


class TableList(BaseModel):
    """The tables of a tenant, by name."""

    items: list[TableItem]


class QueryItem(BaseModel):
    """A table that is read from another database, and how that went."""

    name: str
    block: str
    query: str
    every_seconds: int
    usable_seconds: int
    saved_by: str
    saved_at: datetime
    read_at: datetime | None
    due_at: datetime
    error: str


class QueryList(BaseModel):
    """The tables of a tenant that are read from other databases, by name."""

    items: list[QueryItem]


class Incoming(BaseModel):
    """An alert as it was posted last, and what became of it."""

    source: str
    sender: str
    state: str
    labels: dict[str, str]
    severity: str
    title: str
    rule: str
    version: int
    fingerprint: str
    since: datetime
    due_at: datetime | None
    last_seen: datetime


class IncomingPage(BaseModel):
    """A page of alerts that came in, the newest first."""

    items: list[Incoming]
    next_cursor: str | None


def active(*, tenant: str | None = None) -> Call[Version]:
    """Return the request for the active rules of a tenant."""
    return Call(Version, "GET", _PATH, {"tenant": tenant})


def version(number: int, *, tenant: str | None = None) -> Call[Version]:
    """Return the request for one version."""
    return Call(Version, "GET", f"{_PATH}/versions/{number}", {"tenant": tenant})


def versions(
    *, limit: int = 50, cursor: int | None = None, tenant: str | None = None
) -> Call[VersionPage]:
    """Return the request for a page of versions, the active one first."""
    asked = {"limit": limit, "cursor": cursor, "tenant": tenant}
    return Call(VersionPage, "GET", f"{_PATH}/versions", asked)


def apply(
    document: str, *, note: str = "", version: int | None = None, tenant: str | None = None
) -> Call[Applied]:
    """Return the request that makes a document the active rules.

    Args:
        document: YAML
        note: the reason
        version: number of the version that must be active; None for any, 0 for none
        tenant: whose; None for `default` or the only one in reach

    Returns:
        The request; `do` raises `Conflict` where another version is active.
    """
    body = {"document": document, "note": note}
    return Call(Applied, "PUT", _PATH, {"tenant": tenant}, body, _only(version))


def rollback(
    number: int, *, note: str = "", version: int | None = None, tenant: str | None = None
) -> Call[Applied]:
    """Return the request that makes an earlier version active again; 0 for no rules."""
    body = {"version": number, "note": note}
    return Call(Applied, "POST", f"{_PATH}/rollback", {"tenant": tenant}, body, _only(version))


def check(document: str, *, tenant: str | None = None) -> Call[Checked]:
    """Return the request that checks a document and runs its tests."""
    return Call(Checked, "POST", f"{_PATH}/check", {"tenant": tenant}, {"document": document})


def try_alert(
    alert: Mapping[str, Any], *, document: str | None = None, tenant: str | None = None
) -> Call[Tried]:
    """Return the request for what becomes of an alert.

    Args:
        alert: labels, and if it has them sender, severity, owner, title, annotations, value
        document: rules to try; None for those that are active
        tenant: whose

    Returns:
        The request.
    """
    body = {"alert": dict(alert), "document": document}
    return Call(Tried, "POST", f"{_PATH}/test", {"tenant": tenant}, body)


def replay(
    document: str, *, days: float = 7, most: int = 20_000, tenant: str | None = None
) -> Call[Replay]:
    """Return the request that compares a document with the active rules over what came in."""
    body = {"document": document, "days": days, "most": most}
    return Call(Replay, "POST", f"{_PATH}/replay", {"tenant": tenant}, body)


def start_shadow(document: str, *, note: str = "", tenant: str | None = None) -> Call[Shadow]:
    """Return the request that runs a draft beside the active rules, without any effect."""
    body = {"document": document, "note": note}
    return Call(Shadow, "POST", f"{_PATH}/shadow", {"tenant": tenant}, body)


def shadow(*, tenant: str | None = None) -> Call[Shadow]:
    """Return the request for the draft that runs, or ran last, and what it would change."""
    return Call(Shadow, "GET", f"{_PATH}/shadow", {"tenant": tenant})


def stop_shadow(*, tenant: str | None = None) -> Call[Shadow]:
    """Return the request that stops the draft."""
    return Call(Shadow, "DELETE", f"{_PATH}/shadow", {"tenant": tenant})


def incoming(
    *, state: str | None = None, limit: int = 50, cursor: str | None = None,
    tenant: str | None = None,
) -> Call[IncomingPage]:  # fmt: skip
    """Return the request for the alerts that came in, the newest first.

    Args:
        state: passed, held, dropped or ended; None for all
        limit: so many
        cursor: of the page before
        tenant: whose

    Returns:
        The request.
    """
    asked = {"state": state, "limit": limit, "cursor": cursor, "tenant": tenant}
    return Call(IncomingPage, "GET", f"{_PATH}/incoming", asked)


def tables(*, tenant: str | None = None) -> Call[TableList]:
    """Return the request for the tables that rules may enrich from."""
    return Call(TableList, "GET", f"{_PATH}/tables", {"tenant": tenant})


def upload_table(
    name: str, document: str, *, note: str = "", version: int | None = None,
    tenant: str | None = None,
) -> Call[Applied]:  # fmt: skip
    """Return the request that makes a CSV the active version of a table.

    Args:
        name: of the table
        document: CSV whose first line names the columns
        note: the reason
        version: number of the version that must be active; None for any, 0 for none
        tenant: whose

    Returns:
        The request.
    """
    body = {"document": document, "note": note}
    return Call(Applied, "PUT", _table(name), {"tenant": tenant}, body, _only(version))


def table_versions(
    name: str, *, limit: int = 50, cursor: int | None = None, tenant: str | None = None
) -> Call[VersionPage]:
    """Return the request for a page of versions of a table, the active one first."""
    asked = {"limit": limit, "cursor": cursor, "tenant": tenant}
    return Call(VersionPage, "GET", f"{_table(name)}/versions", asked)


def table_version(name: str, number: int, *, tenant: str | None = None) -> Call[Version]:
    """Return the request for one version of a table with its CSV."""
    return Call(Version, "GET", f"{_table(name)}/versions/{number}", {"tenant": tenant})


def rollback_table(
    name: str, number: int, *, note: str = "", tenant: str | None = None
) -> Call[Applied]:
    """Return the request that makes an earlier version of a table active; 0 removes it."""
    body = {"version": number, "note": note}
    return Call(Applied, "POST", f"{_table(name)}/rollback", {"tenant": tenant}, body)


def queries(*, tenant: str | None = None) -> Call[QueryList]:
    """Return the request for the tables that are read from other databases."""
    return Call(QueryList, "GET", f"{_PATH}/queries", {"tenant": tenant})


def set_query(
    name: str, block: str, query: str, *, every_seconds: int = 600, usable_seconds: int = 86_400,
    tenant: str | None = None,
) -> Call[QueryItem]:  # fmt: skip
    """Return the request that has a table read from another database.

    Args:
        name: of the table
        block: of prefect-sqlalchemy, such as sqlalchemy-connector/cmdb
        query: one statement that reads
        every_seconds: it is read again after so long
        usable_seconds: its rows are used so long after they were read
        tenant: whose

    Returns:
        The request.
    """
    body = {
        "block": block, "query": query, "every_seconds": every_seconds,
        "usable_seconds": usable_seconds,
    }  # fmt: skip
    return Call(QueryItem, "PUT", _query(name), {"tenant": tenant}, body)


def remove_query(name: str, *, tenant: str | None = None) -> Call[BaseModel]:
    """Return the request that has a table read no longer."""
    return Call(None, "DELETE", _query(name), {"tenant": tenant})


def _query(name: str) -> str:
    return f"{_PATH}/queries/{quote(name, safe='')}"


def _table(name: str) -> str:
    return f"{_PATH}/tables/{quote(name, safe='')}"


def _only(version: int | None) -> dict[str, str]:
    return {} if version is None else {"If-Match": f'"{version}"'}
