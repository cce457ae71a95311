"""Bring the tables to this version's schema, and their retention to the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sentinel.errors import TelemetryError
from sentinel.store.telemetry.ddl import Place, literal, retention
from sentinel.store.telemetry.error_numbers import NO_SPACE, number_of
from sentinel.store.telemetry.schema import MIGRATIONS, Migration

__all__ = ["Kept", "migrate"]

log = logging.getLogger(__name__)

Command = Callable[[str], Any]
"""Runs a statement; returns the first column of its first row."""
Kept = Mapping[str, tuple[timedelta, Mapping[str, timedelta]]]
"""How long each signal is kept, and by tenant where that differs."""
_DONE = "schema_migrations"
_RETENTION = 0
"""The number of the rows that say which retention was set."""


def migrate(
    run: Command, place: Place, kept: Kept | None, steps: Sequence[Migration] = MIGRATIONS
) -> None:
    """Run the steps that were not run yet; processes that do so at once do not harm one another.

    Where nothing is missing it only reads, so that what starts on a disk that is nearly full can
    read; how long rows are kept is set by a later start then.

    Args:
        run: runs a statement
        place: where the tables are
        kept: how long rows are kept; None to leave it as it is
        steps: of the schema

    Raises:
        TelemetryError: a newer Sentinel has migrated it, or a statement failed
    """
    done = place.name(_DONE)
    where = f"database = {literal(place.database)} AND name = {literal(_DONE)}"
    # Created on each server of a cluster, of which this one may have them already.
    if place.cluster or not run(f"SELECT count() FROM system.tables WHERE {where}"):  # noqa: S608 - names of ours
        _create(run, place, done)
    reached = int(run(f"SELECT max(Number) FROM {done}") or 0)  # noqa: S608 - a name of ours
    if reached > len(steps):
        raise TelemetryError(
            f"the telemetry store has schema {reached}, and this Sentinel knows {len(steps)}",
            hint="A newer Sentinel has migrated it: install that version here too.",
        )
    for step in steps[reached:]:
        for statement in step.statements(place):
            run(statement)
        run(f"INSERT INTO {done} (Number, Name) SELECT {step.number}, {literal(step.name)}")
    if kept is not None:
        _retain(run, place, kept, done)


def _create(run: Command, place: Place, done: str) -> None:
    run(f"CREATE DATABASE IF NOT EXISTS `{place.database}`{place.on_cluster}")
    engine = (
        "ReplicatedMergeTree('/clickhouse/tables/{uuid}/all', '{shard}-{replica}')"
        if place.cluster
        else "MergeTree"
    )
    run(
        f"CREATE TABLE IF NOT EXISTS {done}{place.on_cluster} (Number UInt32, Name String, "
        f"At DateTime64(6, 'UTC') DEFAULT now64(6)) ENGINE = {engine} ORDER BY (Number, At)"
    )


def _retain(run: Command, place: Place, kept: Kept, done: str) -> None:
    statements = [
        statement
        for table, moment, signal in (
            ("logs", "Timestamp", "logs"),
            ("spans", "Timestamp", "spans"),
            ("trace_times", "Start", "spans"),
            ("refused", "At", "logs"),
            ("log_patterns", "Timestamp", "logs"),
            ("log_mined", "Timestamp", "logs"),
            ("log_templates", "At", "logs"),
            ("log_anomalies", "Timestamp", "logs"),
            ("requests", "Timestamp", "requests"),
            ("usage_by_endpoint", "Timestamp", "usage"),
            ("usage_by_consumer", "Timestamp", "usage"),
        )
        if signal in kept
        for statement in retention(table, moment, *kept[signal], place)
    ]
    wanted = "; ".join(statements)
    last = f"SELECT argMax(Name, At) FROM {done} WHERE Number = {_RETENTION}"  # noqa: S608 - ours
    if run(last) == wanted:
        return
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        for statement in statements:
            run(statement)
        run(f"INSERT INTO {done} (Number, Name) SELECT {_RETENTION}, {literal(wanted)}")
    except ClickHouseError as error:
        if number_of(error) != NO_SPACE:
            raise
        log.warning(
            "how long logs and spans are kept could not be set, since the disk of the telemetry "
            "store is nearly full; it is set with the next start: %s", error
        )  # fmt: skip
