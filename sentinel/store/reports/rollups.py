"""How figures of alerts are computed in SQL, for rollups and for queries over alerts alike.

Times are summed in whole milliseconds per alert, so that a sum of sums equals the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, CursorResult

from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.severity import Severity
from sentinel.store.database.bulk import cells_of

__all__ = [
    "A_DRILL", "DAY", "FIGURES", "NO_DRILL", "asked", "figures", "hour_after", "hour_before",
    "hour_of", "milliseconds", "moment_of",
]  # fmt: skip

DAY = 24
"""Hours of a day."""
FIGURES = ("opened", "critical", "taken", "waited", "ended", "lasted", "low", "ignored")
"""The columns of a rollup, in the order of `figures`."""
NO_DRILL, A_DRILL = f"rule <> '{DRILL_RULE}'", f"rule = '{DRILL_RULE}'"
"""The condition, in SQL, of an alert that counts in statistics: it is of no fire drill."""
_HOUR = timedelta(hours=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def asked(
    connection: Connection, statement: str, cells: Sequence[Any] = ()
) -> CursorResult[tuple[Any, ...]]:
    """Run a statement whose parameters are written `?` on either dialect."""
    if connection.dialect.name == "postgresql":
        statement = statement.replace("%", "%%").replace("?", "%s")
    return connection.exec_driver_sql(statement, cells_of(connection, tuple(cells)))


def figures(dialect: str) -> str:
    """Return the SQL of the figures of some alerts: opened, critical, acknowledged and so on."""
    return (
        f"count(*), count(*) FILTER (WHERE severity = {int(Severity.CRITICAL)}), "
        f"count(acknowledged_at), {milliseconds(dialect, 'opened_at', 'acknowledged_at')}, "
        f"count(resolved_at), {milliseconds(dialect, 'opened_at', 'resolved_at')}, "
        f"count(*) FILTER (WHERE severity <= {int(Severity.LOW)}), "
        # `Reason.RESOLVED_MANUALLY`: a person resolved it.
        "count(*) FILTER (WHERE resolved_at IS NOT NULL AND acknowledged_at IS NULL "
        "AND resolution <> 'resolved_manually')"
    )


def milliseconds(dialect: str, start: str, end: str) -> str:
    """Return the SQL of the sum of times from column `start` to `end`, where both are set."""
    if dialect == "postgresql":
        each = f"round(date_part('epoch', {end} - {start}) * 1000)"
        return f"CAST(coalesce(sum({each}), 0) AS bigint)"
    # SQLite computes in whole milliseconds itself. NULL is excluded before the other time is read.
    each = f"round((julianday({end}) - julianday({start})) * 86400000.0)"
    return f"CAST(coalesce(sum({each}) FILTER (WHERE {end} IS NOT NULL), 0) AS INTEGER)"


def hour_of(dialect: str, moment: str) -> str:
    """Return the SQL of the number of the hour of the moment in a column."""
    if dialect == "postgresql":
        return f"CAST(floor(date_part('epoch', {moment}) / 3600) AS integer)"
    # From the hour alone, since a whole moment would be rounded to its millisecond first.
    return f"CAST(strftime('%s', substr({moment}, 1, 13) || ':00') AS INTEGER) / 3600"


def hour_before(moment: datetime) -> int:
    """Return the number of the hour that `moment` is in."""
    return (moment - _BEGINNING) // _HOUR


def hour_after(moment: datetime) -> int:
    """Return the number of the first hour that begins at `moment` or later."""
    return -((_BEGINNING - moment) // _HOUR)


def moment_of(hour: int) -> datetime:
    """Return when an hour begins."""
    return _BEGINNING + hour * _HOUR
