"""Pages of one tenant's rows, the newest first, whatever arrives meanwhile."""

from __future__ import annotations

import zlib
from typing import Any, ClassVar

import msgspec

from sentinel.errors import ConfigurationError
from sentinel.store.telemetry.reading import (
    MOST_ROWS,
    Parameters,
    Period,
    TenantReader,
    read_cursor,
    write_cursor,
)
from sentinel.store.telemetry.tenant_condition import tenant_condition
from sentinel.telemetry.query import Node

__all__ = ["Cursor", "PagedReader"]

_NS = "toUnixTimestamp64Nano(Timestamp)"


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last row shown: its time and hash, how many of its time and of both were shown."""

    query: int
    since: int
    until: int
    ns: int
    hash: int
    of_time: int
    of_both: int


class PagedReader(TenantReader):
    """Reads pages of a table.

    Attributes:
        table: its name
        columns: expressions, among them `ns` and `hash`
        hash: the expression by which rows of one moment are ordered
    """

    table: ClassVar[str]
    columns: ClassVar[str]
    hash: ClassVar[str]

    def page_of(
        self, where: Node, period: Period, limit: int, cursor: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return the newest rows that match, a page at a time.

        Args:
            where: the query
            period: of the rows; a cursor keeps that of its first page
            limit: most rows, up to 1,000
            cursor: of the page before

        Returns:
            The rows, and the cursor of the page after them; None for the last page.

        Raises:
            ConfigurationError: the cursor is of another list
            TelemetryError: the store refuses the query
            TelemetryUnavailable: it does not answer in time, or there is none
        """
        limit = max(1, min(limit, MOST_ROWS))
        known = zlib.crc32(repr(where).encode())
        after = self.cursor(cursor, known) if cursor else None
        if after is not None:
            period = Period(after.since, after.until)
        skipped = after.of_time if after else 0
        window = Period(period.since, after.ns + 1) if after else period
        parameters = Parameters()
        condition = tenant_condition(self, where, self.table, parameters)
        # First the times alone, so that all else is read and hashed of this page's rows only.
        wanted = parameters.bind(limit + skipped + 1, "UInt64")
        times = self.rows(
            self.scoped(self.table, f"{_NS} AS ns", condition)
            + f" ORDER BY Timestamp DESC LIMIT {wanted}",
            window, parameters.values,
        )  # fmt: skip
        more = len(times) == limit + skipped + 1
        if len(times) <= skipped:
            return [], None
        window = Period(times[-2 if more else -1]["ns"], window.until)
        return self._rows_of(condition, parameters, window, limit, after, period, known, more=more)

    def _rows_of(
        self, condition: str, parameters: Parameters, window: Period, limit: int,
        after: Cursor | None, period: Period, known: int, *, more: bool,
    ) -> tuple[list[dict[str, Any]], str | None]:  # fmt: skip
        offset = ""
        if after is not None:
            last = parameters.bind(after.hash, "UInt64")
            at = parameters.bind(after.ns, "Int64")
            condition = f"({condition}) AND ({_NS} < {at} OR {self.hash} <= {last})"
            offset = f" OFFSET {parameters.bind(after.of_both, 'UInt64')}"
        wanted = parameters.bind(limit, "UInt64")
        rows = self.rows(
            self.scoped(self.table, self.columns, condition)
            + f" ORDER BY Timestamp DESC, {self.hash} DESC LIMIT {wanted}{offset}",
            window, parameters.values,
        )  # fmt: skip
        if not rows or not more:
            return rows, None
        end = rows[-1]
        of_time = sum(row["ns"] == end["ns"] for row in rows)
        of_both = sum((row["ns"], row["hash"]) == (end["ns"], end["hash"]) for row in rows)
        if after is not None and after.ns == end["ns"]:
            of_time += after.of_time
            of_both += after.of_both if after.hash == end["hash"] else 0
        following = Cursor(
            known, period.since, period.until, end["ns"], end["hash"], of_time, of_both
        )
        return rows, write_cursor(following)

    def cursor(self, given: str, known: int) -> Cursor:
        """Return the place that a cursor names.

        Args:
            given: as a page gave it
            known: of the query

        Returns:
            The place.

        Raises:
            ConfigurationError: the cursor is of another list
        """
        cursor = read_cursor(given, Cursor)
        if cursor.query != known or not 0 <= cursor.ns < 2**63 - 1 or not 0 <= cursor.hash < 2**64:
            raise ConfigurationError(
                "the cursor is of another query", hint="Begin again without a cursor."
            )
        return cursor
