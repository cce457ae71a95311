"""One template for all tables: on one server, or replicated and distributed over a cluster.

With a cluster, the table `logs` is `Distributed` over `logs_local`, which is replicated; without
one, `logs` is the table itself. Queries and inserts name `logs` either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

__all__ = ["Place", "Table", "create", "literal", "retention", "view"]

_LOCAL = "_local"
_DEDUPLICATED = 10_000
"""The last batches of a table whose tokens are known: one that comes again is not written."""


class Place(msgspec.Struct, frozen=True):
    """Where tables are.

    Attributes:
        database: name of the database
        cluster: name of the cluster; empty for one server
    """

    database: str
    cluster: str = ""

    @property
    def on_cluster(self) -> str:
        """The clause that makes a statement run on every server of the cluster."""
        return f" ON CLUSTER `{self.cluster}`" if self.cluster else ""

    def name(self, table: str) -> str:
        """Return the name that queries and inserts use."""
        return f"`{self.database}`.`{table}`"

    def local(self, table: str) -> str:
        """Return the name of the table that holds the rows of a server."""
        return self.name(table + _LOCAL if self.cluster else table)


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table with a partition for each day.

    Attributes:
        name: of the table
        columns: definitions, each with its codec
        indexes: definitions of skipping indexes
        day: expression of the day that a row belongs to
        order: the sorting key
        engine: of MergeTree's family; `Summing…` adds up the numbers of rows with one sorting key
        shard: expression that chooses the server of a row; equal for equal rows, since a batch
            that comes again must go where it went before
    """

    name: str
    columns: Sequence[str]
    indexes: Sequence[str] = ()
    day: str
    order: str
    shard: str
    engine: str = "MergeTree"


def create(table: Table, place: Place) -> list[str]:
    """Return the statements that create a table where it is missing.

    Args:
        table: the table
        place: where

    Returns:
        One statement, or two on a cluster.
    """
    lines = [*table.columns, *(f"INDEX {one}" for one in table.indexes)]
    engine = (
        f"Replicated{table.engine}('/clickhouse/tables/{{uuid}}/{{shard}}', '{{replica}}')"
        if place.cluster
        else table.engine
    )
    window = (
        f"replicated_deduplication_window = {_DEDUPLICATED}"
        if place.cluster
        else f"non_replicated_deduplication_window = {_DEDUPLICATED}"
    )
    # With both fsyncs an answer means that a power cut loses nothing either.
    made = [
        f"CREATE TABLE IF NOT EXISTS {place.local(table.name)}{place.on_cluster} (\n    "
        + ",\n    ".join(lines)
        + f"\n) ENGINE = {engine}\nPARTITION BY {table.day}\nORDER BY {table.order}\n"
        f"SETTINGS {window}, fsync_after_insert = 1, fsync_part_directory = 1"
    ]
    if place.cluster:
        made.append(
            f"CREATE TABLE IF NOT EXISTS {place.name(table.name)}{place.on_cluster} AS "
            f"{place.local(table.name)} ENGINE = Distributed(`{place.cluster}`, "
            f"`{place.database}`, `{table.name}{_LOCAL}`, {table.shard})"
        )
    return made


def view(name: str, into: str, select: str, place: Place) -> str:
    """Return the statement that creates a materialised view where it is missing.

    Args:
        name: of the view
        into: name of the table that it writes to
        select: the query, with `{source}` for the table of `into`'s server that it reads
        place: where

    Returns:
        The statement.
    """
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {place.name(name)}{place.on_cluster} "
        f"TO {place.local(into)} AS {select}"
    )


def retention(
    table: str, moment: str, kept: timedelta, others: Mapping[str, timedelta], place: Place
) -> list[str]:
    """Return the statements after which a table keeps its rows so long, by tenant.

    Args:
        table: name of the table
        moment: the column that a row's age is counted from
        kept: how long
        others: of tenants with another length
        place: where

    Returns:
        Statements that change the table.
    """

    def rule(length: timedelta, which: str) -> str:
        seconds = int(length.total_seconds())
        return f"toDateTime({moment}) + toIntervalSecond({seconds}) DELETE{which}"

    names = ", ".join(literal(name) for name in sorted(others))
    rules = [rule(kept, f" WHERE Tenant NOT IN ({names})" if others else "")]
    rules += [rule(others[name], f" WHERE Tenant = {literal(name)}") for name in sorted(others)]
    where = f"ALTER TABLE {place.local(table)}{place.on_cluster}"
    # Whole parts are dropped, without rewriting any, where all rows of a day end together.
    whole = 0 if others else 1
    return [
        f"{where} MODIFY SETTING ttl_only_drop_parts = {whole}",
        f"{where} MODIFY TTL {', '.join(rules)}",
    ]


def literal(value: str) -> str:
    """Return a text as a literal of ClickHouse's SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
