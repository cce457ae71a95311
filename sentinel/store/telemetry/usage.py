"""Figures of the requests of one tenant: over time, by consumer, endpoint and status.

Short periods are read from the rows themselves, long ones from the counts by minute, where these
have what is asked for. Percentiles are of the same buckets of latencies either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sentinel.api_usage.usage import SeenEndpoint
from sentinel.store.telemetry.conditions import condition_of
from sentinel.store.telemetry.reading import Parameters, Period, TenantReader
from sentinel.store.telemetry.usage_figures import Figures, columns_of, figures_of_row, sums_of
from sentinel.telemetry.query import Both, Either, Field, Node, Not

__all__ = ["GROUPS", "Figures", "GroupBy", "Order", "UsageReader", "table_for"]

GroupBy = Literal[
    "service", "consumer", "key", "plan", "method", "endpoint", "status", "address", "agent",
    "refused",
]  # fmt: skip
Order = Literal["requests", "errors", "client_errors", "refused", "p95_ms", "response_bytes"]
GROUPS: Mapping[str, str] = {
    "service": "ServiceName", "consumer": "Consumer", "key": "KeyId", "plan": "Plan",
    "method": "Method", "endpoint": "trimLeft(concat(Method, ' ', Endpoint))",
    "status": "toString(Status)", "address": "Address", "agent": "Agent", "refused": "RefusedBy",
}  # fmt: skip
_COUNTED: Mapping[str, frozenset[str]] = {
    "usage_by_endpoint": frozenset({"service", "method", "endpoint", "status"}),
    "usage_by_consumer": frozenset({"service", "consumer", "key", "prefix", "plan", "status"}),
}
_MANY = frozenset({"consumer", "key", "address"})
_MINUTE, _HOUR = 60 * 10**9, 3_600 * 10**9
_ROWS_UP_TO = 15 * _MINUTE
_NS = "toUnixTimestamp64Nano(Timestamp)"


def table_for(where: Node, by: Sequence[str], period: Period) -> str:
    """Return the table that answers a question.

    Args:
        where: the query
        by: what is grouped by
        period: of the requests

    Returns:
        `requests`, or one with counts by minute.
    """
    if period.until - period.since <= _ROWS_UP_TO:
        return "requests"
    names = _names(where)
    if names is not None:
        for table, has in _COUNTED.items():
            if names | set(by) <= has:
                return table
    return "requests"


def _names(node: Node) -> set[str] | None:
    """Return the fields of a query; None where it has words."""
    if isinstance(node, Field):
        return {node.name}
    if isinstance(node, Not):
        return _names(node.node)
    if isinstance(node, (Both, Either)):
        found: set[str] = set()
        for one in node.nodes:
            names = _names(one)
            if names is None:
                return None
            found |= names
        return found
    return None


class UsageReader(TenantReader):
    """Reads figures of the requests of one tenant.

    Every method may raise `TelemetryError` where the store refuses, and `TelemetryUnavailable`
    where it does not answer in time. Periods are widened to whole minutes where counts by minute
    answer: `period_for` says to which.
    """

    def period_for(self, where: Node, by: Sequence[str], period: Period) -> Period:
        """Return the period that an answer is about."""
        if table_for(where, by, period) == "requests":
            return period
        return Period(period.since // _MINUTE * _MINUTE, -(-period.until // _MINUTE) * _MINUTE)

    def total(self, where: Node, period: Period) -> Figures:
        """Return the figures of all requests that match."""
        rows = self._figures(where, period, (), "", "")
        return figures_of_row(rows[0])

    def series(self, where: Node, period: Period, width: int) -> list[tuple[int, Figures]]:
        """Return the figures of each part of a period in which there are requests.

        Args:
            where: the query
            period: of the requests
            width: of a part, in nanoseconds; whole minutes where counts by minute answer

        Returns:
            The beginning of each part, and its figures, the oldest first.
        """
        part = f"intDiv({_NS} - {{since:Int64}}, {int(width)}) AS part"
        rows = self._figures(where, period, (), part, "GROUP BY part ORDER BY part LIMIT 1000")
        return [(period.since + row["part"] * width, figures_of_row(row)) for row in rows]

    def groups(
        self, where: Node, period: Period, by: GroupBy, *, order: Order = "requests",
        limit: int = 20,
    ) -> list[tuple[str, Figures]]:  # fmt: skip
        """Return the figures by the values of a field, those with most first.

        Args:
            where: the query
            period: of the requests
            by: the field; requests without a value are left out
            order: by which figure
            limit: most values, up to 1,000

        Returns:
            Values and their figures.
        """
        most = max(1, min(int(limit), 1_000))
        among = None
        if by in _MANY and order != "p95_ms":
            # Percentiles cost most, and are needed of those that are shown alone.
            among = self._first(where, period, by, order, most)
            if not among:
                return []
        rows = self._figures(
            where, period, (by,), f"{GROUPS[by]} AS value",
            f"GROUP BY value HAVING value != '' ORDER BY {order} DESC, value LIMIT {most}", among,
        )  # fmt: skip
        return [(row["value"], figures_of_row(row)) for row in rows]

    def counts(
        self, where: Node, period: Period, by: GroupBy, among: Sequence[str] | None = None
    ) -> dict[str, int]:
        """Return how many requests each value has, of the 1,000 with most.

        Args:
            where: the query
            period: of the requests
            by: the field
            among: the values that are asked for; None for all

        Returns:
            Requests by value.
        """
        table, parameters = table_for(where, (by,), period), Parameters()
        condition = condition_of(where, table, parameters)
        if among is not None:
            wanted = parameters.bind(list(among), "Array(String)")
            condition = f"({condition}) AND {GROUPS[by]} IN {wanted}"
        count = "count()" if table == "requests" else "sum(Requests)"
        rows = self.rows(
            self.scoped(table, f"{GROUPS[by]} AS value, {count} AS n", condition)
            + " GROUP BY value HAVING value != '' ORDER BY n DESC, value LIMIT 1000",
            self.period_for(where, (by,), period), parameters.values,
        )  # fmt: skip
        return {row["value"]: row["n"] for row in rows}

    def endpoints(self, where: Node, period: Period, limit: int = 5_000) -> list[SeenEndpoint]:
        """Return when each endpoint was first and last asked for, to the minute.

        Args:
            where: the query, whose fields the counts by endpoint have, or rows are read
            period: of the requests
            limit: most endpoints

        Returns:
            The endpoints with most requests.
        """
        table, parameters = table_for(where, ("endpoint",), period), Parameters()
        condition = condition_of(where, table, parameters)
        count = "count()" if table == "requests" else "sum(Requests)"
        rows = self.rows(
            self.scoped(
                table,
                f"{GROUPS['endpoint']} AS value, min({_NS}) AS first, max({_NS}) AS last, "
                f"{count} AS n",
                condition,
            )
            + f" GROUP BY value ORDER BY n DESC, value LIMIT {int(limit)}",
            self.period_for(where, ("endpoint",), period), parameters.values,
        )  # fmt: skip
        return [SeenEndpoint(row["value"], row["first"], row["last"], row["n"]) for row in rows]

    def first(self, period: Period) -> int | None:
        """Return when the first request of a period came, to the minute; None without any."""
        rows = self.rows(
            self.scoped("usage_by_endpoint", f"count() AS n, min({_NS}) AS first"), period
        )
        return rows[0]["first"] if rows[0]["n"] else None

    def hours(
        self, where: Node, period: Period, by: Literal["key", "consumer"], limit: int = 200
    ) -> dict[str, dict[int, int]]:
        """Return the requests of each hour that no limit refused, by key or consumer.

        Args:
            where: the query; its fields are those of the counts by consumer
            period: of the requests; it begins where an hour does, which in some time zones is at
                half past an hour of UTC, or a quarter
            by: whose
            limit: most of them: those with most requests

        Returns:
            Requests by the beginning of the hour, in nanoseconds since 1970.
        """
        parameters = Parameters()
        condition = condition_of(where, "usage_by_consumer", parameters)
        hour = f"{{since:Int64}} + intDiv({_NS} - {{since:Int64}}, {_HOUR}) * {_HOUR}"
        inner = self.scoped(
            "usage_by_consumer",
            f"{GROUPS[by]} AS value, {hour} AS hour, sum(Requests) - sum(Refused) AS n",
            condition,
        )
        rows = self.rows(
            "SELECT value, groupArray(hour) AS hours, groupArray(n) AS counts "  # noqa: S608 - a scoped selection
            f"FROM ({inner} GROUP BY value, hour HAVING value != '') GROUP BY value "
            f"ORDER BY sum(n) DESC, value LIMIT {int(limit)}",
            period, parameters.values,
        )  # fmt: skip
        return {
            row["value"]: {
                int(at): int(n) for at, n in zip(row["hours"], row["counts"], strict=True)
            }
            for row in rows
        }

    def parts(
        self, where: Node, period: Period, by: Literal["key", "consumer"], width: int, limit: int
    ) -> dict[str, dict[int, int]]:
        """Return the requests of each part of a period, by key or consumer.

        Args:
            where: the query
            period: of the requests, of whole minutes
            by: whose
            width: of a part, in nanoseconds; whole minutes
            limit: most of them: those with most requests

        Returns:
            Requests by the number of the part, from 0; parts without any are left out.
        """
        table, parameters = table_for(where, (by,), period), Parameters()
        condition = condition_of(where, table, parameters)
        count = "count()" if table == "requests" else "sum(Requests)"
        part = f"intDiv({_NS} - {{since:Int64}}, {int(width)})"
        inner = self.scoped(
            table, f"{GROUPS[by]} AS value, {part} AS part, {count} AS n", condition
        )
        rows = self.rows(
            "SELECT value, groupArray(part) AS parts, groupArray(n) AS counts "  # noqa: S608 - a scoped selection
            f"FROM ({inner} GROUP BY value, part HAVING value != '') GROUP BY value "
            f"ORDER BY sum(n) DESC, value LIMIT {int(limit)}",
            period, parameters.values,
        )  # fmt: skip
        return {row["value"]: dict(zip(row["parts"], row["counts"], strict=True)) for row in rows}

    def new_networks(
        self, period: Period, begin: int, least: int, usual: int
    ) -> list[tuple[str, str, str, int, int]]:
        """Return from where keys were used that were not before: at most 1,000 pairs.

        Args:
            period: of the requests
            begin: since when a network is new, in nanoseconds since 1970
            least: requests that it needs
            usual: requests that the key needs before `begin`, from networks known then

        Returns:
            Key, consumer, network, the first request in nanoseconds since 1970, and requests:
            those with most requests.
        """
        parameters = Parameters()
        new, least_of_it = parameters.bind(begin, "Int64"), parameters.bind(least, "UInt64")
        of_key = parameters.bind(usual, "UInt64")
        inner = self.scoped(
            "requests",
            "KeyId AS key, any(Consumer) AS consumer, Address AS address, "
            f"min({_NS}) AS first, count() AS n",
            "KeyId != '' AND Address != '' AND RefusedBy = '' AND Status NOT IN (401, 403)",
        )
        rows = self.rows(
            f"SELECT * FROM (SELECT *, sum(if(first < {new}, n, 0)) OVER (PARTITION BY key) "  # noqa: S608 - a scoped selection
            f"AS known FROM ({inner} GROUP BY key, address)) WHERE first >= {new} "
            f"AND n >= {least_of_it} AND known >= {of_key} "
            "ORDER BY n DESC, key, address LIMIT 1000",
            period, parameters.values,
        )  # fmt: skip
        return [
            (row["key"], row["consumer"], row["address"], row["first"], row["n"]) for row in rows
        ]

    def key_uses(self, period: Period, limit: int) -> list[tuple[str, str, int, int]]:
        """Return when keys were used last, to the minute: those with most requests.

        Args:
            period: of the requests
            limit: most keys

        Returns:
            Key, consumer, the minute of the last request in nanoseconds since 1970, and requests.
        """
        rows = self.rows(
            self.scoped(
                "usage_by_consumer",
                f"KeyId AS key, any(Consumer) AS consumer, max({_NS}) AS last, sum(Requests) AS n",
                "KeyId != ''",
            )
            + f" GROUP BY key ORDER BY n DESC, key LIMIT {int(limit)}",
            period,
        )
        return [(row["key"], row["consumer"], row["last"], row["n"]) for row in rows]

    def _first(
        self, where: Node, period: Period, by: GroupBy, order: Order, most: int
    ) -> list[str]:
        """Return the values with most of a figure that is a sum."""
        table, parameters = table_for(where, (by,), period), Parameters()
        rows = self.rows(
            self.scoped(
                table, f"{GROUPS[by]} AS value, {sums_of(table)}",
                condition_of(where, table, parameters),
            )
            + f" GROUP BY value HAVING value != '' ORDER BY {order} DESC, value LIMIT {most}",
            self.period_for(where, (by,), period), parameters.values,
        )  # fmt: skip
        return [row["value"] for row in rows]

    def _figures(
        self, where: Node, period: Period, by: Sequence[str], first: str, rest: str,
        among: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        table, parameters = table_for(where, by, period), Parameters()
        condition = condition_of(where, table, parameters)
        if among is not None:
            wanted = parameters.bind(list(among), "Array(String)")
            condition = f"({condition}) AND {GROUPS[by[0]]} IN {wanted}"
        columns = f"{first}, {columns_of(table)}" if first else columns_of(table)
        return self.rows(
            f"{self.scoped(table, columns, condition)} {rest}",
            self.period_for(where, by, period), parameters.values,
        )  # fmt: skip
