"""The requests of a person in the request log, of all tenants, for the export of their data."""

from __future__ import annotations

from typing import Any

from sentinel.store.telemetry.client import TelemetryClient
from sentinel.store.telemetry.ddl import literal
from sentinel.store.telemetry.requests import RequestSearch, request_of
from sentinel.store.telemetry.usage_answers import request_view

__all__ = ["LEFT_OUT", "MOST_EXPORTED", "is_theirs", "requests_of_person"]

MOST_EXPORTED = 50_000
"""Requests of an export, the newest: it is one JSON document, read whole by whoever gets it."""
LEFT_OUT = "requests_left_out"
"""What an export has where there are more."""


def is_theirs(name: str) -> str:
    """Return the condition that a row's consumer is a person, also by a key of theirs.

    Args:
        name: of the person

    Returns:
        SQL, with the name as a literal.
    """
    return f"(Consumer = {literal(name)} OR startsWith(Consumer, {literal(f'{name} via ')}))"


def requests_of_person(client: TelemetryClient, name: str) -> dict[str, list[dict[str, Any]]]:
    """Return the requests of a person.

    Args:
        client: that reads
        name: of the person, as consumer

    Returns:
        `requests`, with the tenant of each; where there are more than `MOST_EXPORTED`, also how
        many were left out, by tenant, and the command that exports them. Nothing without any.

    Raises:
        TelemetryError: the store refuses
        TelemetryUnavailable: it does not answer, or not in time
    """
    theirs = is_theirs(name)
    rows = client.rows(
        f"SELECT Tenant AS tenant, {RequestSearch.columns} FROM requests WHERE {theirs} "  # noqa: S608 - literals
        f"ORDER BY Timestamp DESC LIMIT {MOST_EXPORTED}"
    )
    if not rows:
        return {}
    found = {
        "requests": [
            {"tenant": row["tenant"], **request_view(request_of(row)).model_dump()} for row in rows
        ]
    }
    if len(rows) < MOST_EXPORTED:
        return found
    counted = client.rows(
        f"SELECT Tenant AS tenant, Consumer AS consumer, count() AS n FROM requests WHERE {theirs} "  # noqa: S608 - literals
        "GROUP BY tenant, consumer ORDER BY tenant, consumer"
    )
    if sum(row["n"] for row in counted) > len(rows):
        found[LEFT_OUT] = [
            {
                "tenant": row["tenant"], "consumer": row["consumer"], "all_requests": row["n"],
                "command": "sentinel requests export --tenant TENANT 'consumer:\"NAME\"' "
                "--since 400d",
            }
            for row in counted
        ]  # fmt: skip
    return found
