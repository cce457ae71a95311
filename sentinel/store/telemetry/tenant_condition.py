"""The condition of a query for one tenant's rows, whose patterns of log lines are looked up."""

from __future__ import annotations

from sentinel.errors import ConfigurationError
from sentinel.store.telemetry.conditions import Template, condition_of, patterns_in
from sentinel.store.telemetry.reading import Parameters, TenantReader
from sentinel.telemetry.query import Node

__all__ = ["tenant_condition"]


def tenant_condition(
    reader: TenantReader, where: Node, table: str, parameters: Parameters
) -> str:  # fmt: skip
    """Return a condition; a query that names a pattern asks the store for its text first.

    Args:
        reader: of the tenant, whose patterns alone are found
        where: the query
        table: of the rows
        parameters: which its values are added to

    Returns:
        SQL without any text of the query.

    Raises:
        ConfigurationError: the tenant has no such pattern
        TelemetryError: the store refuses the query
        TelemetryUnavailable: it does not answer in time, or there is none
    """
    named = sorted(patterns_in(where))
    rows = reader.templates(named) if named else {}
    missing = next((one for one in named if one not in rows), None)
    if missing is not None:
        raise ConfigurationError(
            f"there is no pattern {missing} of log lines",
            hint="A pattern is kept as long as its lines; `sentinel log patterns --json` lists "
            "the ids.",
        )
    templates = {id_: Template(row["service"], row["template"]) for id_, row in rows.items()}
    return condition_of(where, table, parameters, templates)
