"""Reads one tenant's rows of a period: every statement has both in its text, and bounds.

What a person typed is a parameter that the client binds, never a part of a statement.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from sentinel.errors import ConfigurationError, TelemetryError, TelemetryUnavailable
from sentinel.store.telemetry.client import TelemetryClient

__all__ = ["MOST_ROWS", "Parameters", "Period", "TenantReader", "read_cursor", "write_cursor"]

T = TypeVar("T")

MOST_ROWS = 1_000
"""Rows of a page."""
_SECONDS = 20
_TOO_SLOW = ("Timeout exceeded", "Estimated query execution time")
_IN_SCOPE = (
    "Tenant = {tenant:String} "
    "AND Timestamp >= fromUnixTimestamp64Nano({since:Int64}, 'UTC') "
    "AND Timestamp < fromUnixTimestamp64Nano({until:Int64}, 'UTC')"
)


class Period(msgspec.Struct, frozen=True):
    """From `since` up to `until`, without it, in nanoseconds since 1970."""

    since: int
    until: int


class Parameters:
    """Values that the client binds, each under a name of its own."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def bind(self, value: Any, kind: str = "String") -> str:
        """Keep a value.

        Args:
            value: of any text
            kind: its type in ClickHouse

        Returns:
            What stands for it in a statement.
        """
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"


class TenantReader:
    """Reads the rows of one tenant, and of no other: there is no statement without it.

    Args:
        client: that reads
        tenant: whose rows
    """

    def __init__(self, client: TelemetryClient, tenant: str) -> None:
        self._client = client
        self.tenant = tenant

    def scoped(self, table: str, columns: str, condition: str = "1") -> str:
        """Return the selection of this tenant's rows of the period.

        Args:
            table: its name
            columns: expressions
            condition: further, with values bound

        Returns:
            `SELECT … FROM … WHERE …`, for `rows` alone.
        """
        # Each part is written in this folder; what people type is bound.
        return f"SELECT {columns} FROM {table} WHERE {_IN_SCOPE} AND ({condition})"  # noqa: S608

    def rows(
        self, statement: str, period: Period, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run a statement made of `scoped` selections.

        Args:
            statement: the query
            period: of the rows
            parameters: beside tenant and period

        Returns:
            Its rows.

        Raises:
            TelemetryError: the store refuses the query, or it is not confined
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        if "{tenant:String}" not in statement:
            raise TelemetryError("a statement without a tenant is not run")
        bound = {
            **(parameters or {}),
            "tenant": self.tenant, "since": period.since, "until": period.until,
        }  # fmt: skip
        settings: dict[str, Any] = {"max_execution_time": _SECONDS}
        if self._client.place.cluster:
            settings["distributed_product_mode"] = "local"  # a trace is on one server
        try:
            return self._client.rows(statement, bound, settings=settings)
        except TelemetryUnavailable:
            raise
        except TelemetryError as error:
            if any(words in error.message for words in _TOO_SLOW):
                raise TelemetryUnavailable(
                    f"the search took more than {_SECONDS} seconds",
                    hint="Choose a shorter time range, or a service.",
                ) from error
            raise

    def templates(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return what is stored of patterns of log lines.

        Args:
            ids: of the patterns

        Returns:
            By id, of those that the tenant has: service, template, sample and when it was created,
            in nanoseconds since 1970.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        rows = self._client.rows(
            "SELECT Pattern AS id, any(ServiceName) AS service, "
            "argMax(Template, At) AS template, argMax(Sample, At) AS sample, "
            "toUnixTimestamp64Nano(min(Created)) AS created FROM log_templates "
            "WHERE Tenant = {tenant:String} AND Pattern IN {ids:Array(String)} GROUP BY id",
            {"tenant": self.tenant, "ids": list(ids)},
            settings={"max_execution_time": _SECONDS},
        )
        return {row["id"]: row for row in rows}

    def times_of(self, trace_ids: list[str]) -> Period | None:
        """Return between which moments the spans of traces lie.

        Args:
            trace_ids: in hex

        Returns:
            The period; None where no span of them is kept.

        Raises:
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        found = self._client.rows(
            "SELECT count() AS n, toUnixTimestamp64Nano(min(Start)) AS first, "
            "toUnixTimestamp64Nano(max(End)) AS last FROM trace_times "
            "WHERE Tenant = {tenant:String} AND TraceId IN {traces:Array(String)}",
            {"tenant": self.tenant, "traces": trace_ids},
            settings={"max_execution_time": _SECONDS},
        )
        return Period(found[0]["first"], found[0]["last"] + 1) if found[0]["n"] else None


def write_cursor(cursor: msgspec.Struct) -> str:
    """Return a cursor as a text for addresses."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def read_cursor(given: str, kind: type[T]) -> T:
    """Return the place that a cursor names.

    Args:
        given: as `write_cursor` wrote it
        kind: of the cursor

    Returns:
        The place.

    Raises:
        ConfigurationError: it is no such cursor
    """
    try:
        packed = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
        return msgspec.msgpack.decode(packed, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise ConfigurationError(
            "the cursor is not one of this list",
            hint="Give next_cursor of the page before, with the same query.",
        ) from None
