"""How the telemetry store is: its size, its parts, its merges, and what it refused."""

from __future__ import annotations

import msgspec

from sentinel.store.telemetry.client import TelemetryClient

__all__ = [
    "LONG_MERGE",
    "MANY_PARTS",
    "Condition",
    "TableSize",
    "TenantSize",
    "condition",
    "used_limits",
]

MANY_PARTS = 300
"""Active parts of one day from which on merges do not keep up; at 1,000, ClickHouse slows inserts
down, at 3,000 it refuses them."""

_SIGNALS = ("logs", "spans", "requests")
LONG_MERGE = 3_600.0
"""Seconds from which on a merge is no ordinary one."""


class TableSize(msgspec.Struct, frozen=True):
    """A table: its rows, its bytes on disk, and the parts of the day that has most."""

    name: str
    rows: int
    bytes: int
    most_parts: int


class TenantSize(msgspec.Struct, frozen=True):
    """What one tenant has of a signal: its rows, and about their bytes on disk.

    Tenants share the parts of a table, so that its bytes are divided by their rows.
    """

    tenant: str
    signal: str
    rows: int
    bytes: int


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """The condition of the store.

    Attributes:
        version: of ClickHouse
        tables: each table with rows
        longest_merge: seconds that the longest of the running merges has taken
        memory: bytes that the process holds; 0 where it does not say
        refused: records of the last 24 hours that were not taken, by reason
        memory_limit: bytes that the process may hold; 0 where it does not say
        tenants: sizes of each tenant and signal, the largest first; empty unless they were asked
        disk_free, disk_total: bytes of the fullest disk of the store; 0 where it does not say
    """

    version: str
    tables: list[TableSize]
    longest_merge: float
    memory: int
    refused: dict[str, int]
    memory_limit: int = 0
    tenants: list[TenantSize] = []
    disk_free: int = 0
    disk_total: int = 0

    @property
    def most_parts(self) -> int:
        """The parts of the day and table that have most."""
        return max((table.most_parts for table in self.tables), default=0)

    @property
    def bytes(self) -> int:
        """What all tables take on disk."""
        return sum(table.bytes for table in self.tables)


def condition(client: TelemetryClient, *, tenants: bool = False) -> Condition:
    """Ask the store for its condition.

    Args:
        client: that reads
        tenants: whether to count the rows of each tenant, for which all rows are read

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
    limit = "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'"
    refused = client.rows(
        "SELECT Reason AS reason, sum(Rows) AS rows FROM refused "
        "WHERE At > now() - INTERVAL 1 DAY GROUP BY reason ORDER BY rows DESC"
    )
    disks = client.rows("SELECT free_space, total_space FROM system.disks WHERE total_space > 0")
    free, total = min(
        ((int(row["free_space"]), int(row["total_space"])) for row in disks),
        key=lambda disk: disk[0] / disk[1],
        default=(0, 0),
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
        memory_limit=max(0, int(client.value(limit) or 0)),
        tenants=_tenants(client, {row["name"]: int(row["bytes"]) for row in tables})
        if tenants
        else [],
        disk_free=free,
        disk_total=total,
    )


def _tenants(client: TelemetryClient, sizes: dict[str, int]) -> list[TenantSize]:
    rows = [
        (row["tenant"], signal, int(row["n"]))
        for signal in _SIGNALS
        for row in client.rows(
            f"SELECT Tenant AS tenant, count() AS n FROM {signal} GROUP BY tenant"  # noqa: S608 - ours
        )
    ]
    all_ = {signal: sum(n for _, its, n in rows if its == signal) for signal in _SIGNALS}
    found = [
        TenantSize(tenant, signal, n, sizes.get(signal, 0) * n // all_[signal])
        for tenant, signal, n in rows
    ]
    return sorted(found, key=lambda one: (-one.bytes, one.tenant, one.signal))


def used_limits(found: Condition) -> dict[str, tuple[float, str]]:
    """Return how much of each limit the store uses.

    Args:
        found: its condition

    Returns:
        Percent, and what was seen in words, by `parts`, `merge`, `memory` and `disk`; a limit that
        is not known is left out.
    """
    used = {
        "parts": (
            100 * found.most_parts / MANY_PARTS,
            f"{found.most_parts:,} parts of one day and table are not merged; inserts wait from "
            "1,000 on",
        ),
        "merge": (
            100 * found.longest_merge / LONG_MERGE,
            f"the longest merge has run for {found.longest_merge:,.0f} s",
        ),
    }
    if memory := found.memory_limit:
        words = f"{found.memory / 1e6:,.0f} MB of memory are used, of {memory / 1e6:,.0f} MB"
        used["memory"] = 100 * found.memory / memory, words
    if found.disk_total:
        taken = found.disk_total - found.disk_free
        words = f"{found.disk_free / 1e9:,.1f} GB of the disk are free"
        used["disk"] = 100 * taken / found.disk_total, words
    return used
