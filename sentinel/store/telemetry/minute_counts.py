"""Good and all records of one tenant by the minute, for the indicators of SLOs."""

from __future__ import annotations

from typing import Literal

from sentinel.store.telemetry.reading import Parameters, Period, TenantReader
from sentinel.store.telemetry.tenant_condition import tenant_condition
from sentinel.telemetry.port import CountedMinute
from sentinel.telemetry.query import Node

__all__ = ["MinuteCounts"]

_MOST = 2_000
"""Minutes of a day, and some."""


class MinuteCounts(TenantReader):
    """Counts the records of one tenant."""

    def of(
        self, table: Literal["logs", "spans", "requests"], every: Node, good: Node, period: Period
    ) -> list[CountedMinute]:
        """Count records by minute.

        Args:
            table: of the records
            every: which records count
            good: which of those are good
            period: of the records, at most a day

        Returns:
            The minutes that have records, the oldest first.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        parameters = Parameters()
        counted = tenant_condition(self, every, table, parameters)
        chosen = tenant_condition(self, good, table, parameters)
        minute = "toInt64(toUnixTimestamp(toStartOfMinute(Timestamp)))"
        rows = self.rows(
            self.scoped(
                table, f"{minute} AS at, countIf({chosen}) AS good, count() AS total", counted
            )
            + f" GROUP BY at ORDER BY at LIMIT {_MOST}",
            period, parameters.values,
        )  # fmt: skip
        return [CountedMinute(row["at"] * 1_000_000, row["good"], row["total"]) for row in rows]
