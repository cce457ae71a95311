"""Parameters of a query that say which alerts are meant."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import WithJsonSchema

from sentinel.alerts.view import SHOWN
from sentinel.api.bodies import Moment
from sentinel.api.schemas import NO_NUL
from sentinel.severity import WORDS
from sentinel.tenant import TENANT_PATTERN

__all__ = [
    "Assignee",
    "Category",
    "OfTenant",
    "RuleNamed",
    "Search",
    "Severities",
    "Since",
    "Statuses",
    "Team",
    "Until",
]

_TEXT: dict[str, Any] = {"max_length": 300, "json_schema_extra": {"pattern": NO_NUL}}
"""What the schema says of texts that the database compares; the filter refuses others itself."""

Statuses = Annotated[
    list[Annotated[str, WithJsonSchema({"type": "string", "enum": [*SHOWN, "active"]})]],
    Query(description="Statuses as shown, several allowed: open (or active), escalated, "
          "acknowledged, suppressed, resolved, pending.", examples=[["open"]],
          max_length=50),
]  # fmt: skip
Severities = Annotated[
    list[Annotated[str, WithJsonSchema({"type": "string", "enum": list(WORDS)})]],
    Query(description="Severities, several allowed: critical, high, medium, low, info; "
          "emergency and warning mean critical and medium.", examples=[["critical", "high"]],
          max_length=50),
]  # fmt: skip
RuleNamed = Annotated[str, Query(description="Name of the rule.", **_TEXT)]
Category = Annotated[str, Query(description="Category of the rule.", **_TEXT)]
Team = Annotated[str, Query(description="Team of the rule.", **_TEXT)]
Assignee = Annotated[str | None, Query(description="Assignee; empty: unassigned.", **_TEXT)]
Search = Annotated[
    str, Query(description="A search, as in the dashboard: words, \"phrases\", "
               "field:value, label:value, -left-out or NOT, OR, ( ).", **_TEXT)
]  # fmt: skip
Since = Annotated[Moment | None, Query(description="Opened at or after this.")]
Until = Annotated[Moment | None, Query(description="Opened before this.")]
OfTenant = Annotated[
    str,
    Query(description="Tenant of the alerts; empty: all.", pattern=f"^({TENANT_PATTERN})?$"),
]
