"""Counts of one tenant's log lines: by time, by the values of a field, by level and service."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.store.telemetry.conditions import LEVEL
from sentinel.store.telemetry.reading import Parameters, Period, TenantReader
from sentinel.store.telemetry.tenant_condition import tenant_condition
from sentinel.telemetry.query import Node

__all__ = ["FACETS", "Bucket", "FacetValue", "LogCounts", "LogStatistics"]

_NS = "toUnixTimestamp64Nano(Timestamp)"
FACETS: Mapping[str, str] = {
    "service": "ServiceName", "level": LEVEL, "host": "HostName", "env": "Environment",
    "logger": "ScopeName", "event": "EventName",
}  # fmt: skip
"""Fields whose most frequent values are counted, and their columns."""


class Bucket(msgspec.Struct, frozen=True):
    """The lines of a part of a period, by level; `ns` is its beginning."""

    ns: int
    counts: dict[str, int]


class FacetValue(msgspec.Struct, frozen=True):
    """A value of a field, and how many lines have it."""

    value: str
    count: int


class LogStatistics(msgspec.Struct, frozen=True):
    """Lines of a period: all, by level, and by service (those with most lines)."""

    total: int
    levels: dict[str, int]
    services: dict[str, dict[str, int]]


class LogCounts(TenantReader):
    """Counts the log lines of one tenant."""

    def histogram(self, where: Node, period: Period, buckets: int = 60) -> list[Bucket]:
        """Count lines over a period.

        Args:
            where: the query
            period: of the lines
            buckets: most parts of the period, up to 500

        Returns:
            Each part in which there are lines, by level, the oldest first.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        width = max(1, -(-(period.until - period.since) // max(1, min(buckets, 500))))
        parameters = Parameters()
        condition = tenant_condition(self, where, "logs", parameters)
        step = parameters.bind(width, "Int64")
        rows = self.rows(
            self.scoped(
                "logs",
                f"intDiv({_NS} - {{since:Int64}}, {step}) AS part, {LEVEL} AS level, count() AS n",
                condition,
            )
            + " GROUP BY part, level ORDER BY part, level",
            period, parameters.values,
        )  # fmt: skip
        parts: dict[int, dict[str, int]] = {}
        for row in rows:
            parts.setdefault(row["part"], {})[row["level"]] = row["n"]
        return [Bucket(period.since + part * width, counts) for part, counts in parts.items()]

    def facet(
        self, where: Node, period: Period, field: str, limit: int = 20
    ) -> list[FacetValue]:  # fmt: skip
        """Count the values of a field.

        Args:
            where: the query
            period: of the lines
            field: one of `FACETS`, or an attribute as `@name`
            limit: most values, up to 100

        Returns:
            The most frequent values.

        Raises:
            ConfigurationError: there is no such field
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        parameters = Parameters()
        condition = tenant_condition(self, where, "logs", parameters)
        if field.startswith("@"):
            name = parameters.bind(field[1:])
            own, resource = f"LogAttributes[{name}]", f"ResourceAttributes[{name}]"
            column = f"if({own} != '', {own}, {resource})"
        elif field in FACETS:
            column = FACETS[field]
        else:
            raise ConfigurationError(
                f"there is no facet {field[:40]!r}",
                hint=f"Facets: {', '.join(FACETS)}, and attributes as @name.",
            )
        wanted = parameters.bind(max(1, min(limit, 100)), "UInt64")
        rows = self.rows(
            self.scoped("logs", f"{column} AS value, count() AS n", condition)
            + f" GROUP BY value HAVING value != '' ORDER BY n DESC, value LIMIT {wanted}",
            period, parameters.values,
        )  # fmt: skip
        return [FacetValue(row["value"], row["n"]) for row in rows]

    def statistics(self, where: Node, period: Period) -> LogStatistics:
        """Count the lines of a period by level and service.

        Args:
            where: the query
            period: of the lines

        Returns:
            The counts; services are the 100 with most lines.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        parameters = Parameters()
        condition = tenant_condition(self, where, "logs", parameters)
        columns = f"ServiceName AS service, {LEVEL} AS level, count() AS n"
        rows = self.rows(
            self.scoped("logs", columns, condition)
            + " GROUP BY service, level ORDER BY n DESC LIMIT 100000",
            period, parameters.values,
        )  # fmt: skip
        levels: dict[str, int] = {}
        services: dict[str, dict[str, int]] = {}
        for row in rows:
            levels[row["level"]] = levels.get(row["level"], 0) + row["n"]
            services.setdefault(row["service"], {})[row["level"]] = row["n"]
        most = sorted(services.items(), key=lambda one: -sum(one[1].values()))[:100]
        return LogStatistics(sum(levels.values()), levels, dict(most))
