"""Where the tables of orchestration hold the name of a person."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table

from sentinel.schema.orchestration import (
    OrchestrationShadow,
    OrchestrationTable,
    OrchestrationTableVersion,
    OrchestrationVersion,
)
from sentinel.store.database.tables import table_of

__all__ = ["OF_ORCHESTRATION"]

OF_ORCHESTRATION: Sequence[tuple[Table, str]] = (
    (table_of(OrchestrationVersion), "applied_by"),
    (table_of(OrchestrationTableVersion), "applied_by"),
    (table_of(OrchestrationTable), "saved_by"),
    (table_of(OrchestrationShadow), "started_by"),
    (table_of(OrchestrationShadow), "stopped_by"),
)
"""Tables and columns."""
