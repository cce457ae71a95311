"""How the telemetry store is: its size, its parts, its merges, and what it refused."""

from __future__ import annotations

import msgspec

from sentinel.store.telemetry.client import TelemetryClient

__all__ = ["MANY_PARTS", "Condition", "TableSize", "condition"]

MANY_PARTS = 300
"""Active parts of one day from which on merges do not keep up; at 1,000, ClickHouse slows inserts
down, at 3,000 it refuses them."""


class TableSize(msgspec.Struct, frozen=True):
    """A table: its rows, its bytes on disk, and the parts of the day that has most."""

    name: str
    rows: int
    bytes: int
    most_parts: int


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """The condition of the store.

    Attributes:
        version: of ClickHouse
        tables: each table with rows
        longest_merge: seconds that the longest of the running merges has taken
        memory: bytes that the process holds; 0 where it does not say
        refused: records of the last 24 hours that were not taken, by reason
    """

    version: str
    tables: list[TableSize]
    longest_merge: float
    memory: int
    refused: dict[str, int]

    @property
    def most_parts(self) -> int:
        """The parts of the day and table that have most."""
        return max((table.most_parts for table in self.tables), default=0)

    @property
    def bytes(self) -> int:
        """What all tables take on disk."""
        return sum(table.bytes for table in self.tables)


def condition(client: TelemetryClient) -> Condition:
    """Ask the store for its condition.

    Args:
        client: that reads

    Returns:
        The condition.

    Raises:
        TelemetryError: the store refuses the queries
        TelemetryUnavailable: it does not answer, or there is none
    """
    database = {"database": client.place.database}
    tables = client.rows(
        "SELECT name, sum(n) AS rows, sum(size) AS bytes, max(parts) AS most_parts FROM ("
        "SELECT table AS name, partition, sum(rows) AS n, sum(bytes_on_disk) AS size, "
        "count() AS parts FROM system.parts WHERE active AND database = {database:String} "
        "GROUP BY name, partition) GROUP BY name ORDER BY bytes DESC",
        database,
    )
    merges = "SELECT max(elapsed) FROM system.merges WHERE database = {database:String}"
    memory = "SELECT value FROM system.metrics WHERE metric = 'MemoryTracking'"
    refused = client.rows(
        "SELECT Reason AS reason, sum(Rows) AS rows FROM refused "
        "WHERE At > now() - INTERVAL 1 DAY GROUP BY reason ORDER BY rows DESC"
    )
    return Condition(
        version=str(client.value("SELECT version()")),
        tables=[
            TableSize(row["name"], int(row["rows"]), int(row["bytes"]), int(row["most_parts"]))
            for row in tables
        ],
        longest_merge=float(client.value(merges, database) or 0.0),
        memory=max(0, int(client.value(memory) or 0)),
        refused={row["reason"]: int(row["rows"]) for row in refused},
    )
