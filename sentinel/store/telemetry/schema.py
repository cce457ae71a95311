"""The tables of logs and spans, in the manner of ClickStack and the collector's exporter.

Names of columns are those of the OpenTelemetry Collector's ClickHouse exporter where it has them,
so that what reads its tables reads these. `docs/reference/telemetry-schema.md` explains each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from sentinel.store.telemetry.ddl import Place, Table, create, view
from sentinel.store.telemetry.request_tables import REQUESTS, by_consumer, request_log

__all__ = [
    "LOGS",
    "LOG_ANOMALIES",
    "LOG_MINED",
    "LOG_PATTERNS",
    "LOG_TEMPLATES",
    "MERGED_INDEXES",
    "MIGRATIONS",
    "REFUSED",
    "SPANS",
    "TRACE_TIMES",
    "Migration",
]

_ATTRIBUTES = "Map(LowCardinality(String), String) CODEC(ZSTD(1))"
_TIME = "DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))"
_TEXT = "String CODEC(ZSTD(1))"
_NAME = "LowCardinality(String) CODEC(ZSTD(1))"
_RESOURCE = (
    f"ResourceAttributes {_ATTRIBUTES}",
    f"ResourceSchemaUrl {_NAME}",
    f"ScopeName {_NAME}",
    f"ScopeVersion {_NAME}",
    f"ScopeAttributes {_ATTRIBUTES}",
)


def _hot(column: str, source: str, *keys: str) -> str:
    """Return a column that holds one attribute, so that a filter reads it alone."""
    first = [f"{source}['{key}']" for key in keys]
    value = first[0] if len(first) == 1 else f"if({first[0]} != '', {first[0]}, {first[1]})"
    return f"{column} LowCardinality(String) MATERIALIZED {value}"


def _map_indexes(column: str, name: str) -> tuple[str, str]:
    return (
        f"{name}_keys mapKeys({column}) TYPE bloom_filter(0.01) GRANULARITY 1",
        f"{name}_values mapValues({column}) TYPE bloom_filter(0.01) GRANULARITY 1",
    )


_ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")
_HOT = (
    _hot("Environment", "ResourceAttributes", *_ENVIRONMENTS),
    _hot("HostName", "ResourceAttributes", "host.name"),
)
_BY_TRACE = "trace TraceId TYPE bloom_filter(0.001) GRANULARITY 1"

LOGS = Table(
    name="logs",
    columns=(
        f"Tenant {_NAME}",
        f"Timestamp {_TIME}",
        f"ObservedTimestamp {_TIME}",
        f"TraceId {_TEXT}",
        f"SpanId {_TEXT}",
        "TraceFlags UInt8",
        f"SeverityText {_NAME}",
        "SeverityNumber UInt8",
        f"ServiceName {_NAME}",
        f"Body {_TEXT}",
        f"EventName {_NAME}",
        *_RESOURCE,
        f"LogAttributes {_ATTRIBUTES}",
        *_HOT,
    ),
    indexes=(
        _BY_TRACE,
        "words Body TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(Body))",
        *_map_indexes("LogAttributes", "log"),
        *_map_indexes("ResourceAttributes", "resource"),
        "level SeverityNumber TYPE minmax GRANULARITY 1",
    ),
    day="toDate(Timestamp)",
    order="(Tenant, ServiceName, Timestamp)",
    shard="cityHash64(Tenant, ServiceName, TraceId)",
)
SPANS = Table(
    name="spans",
    columns=(
        f"Tenant {_NAME}",
        f"Timestamp {_TIME}",
        "Duration UInt64 CODEC(ZSTD(1))",
        f"TraceId {_TEXT}",
        f"SpanId {_TEXT}",
        f"ParentSpanId {_TEXT}",
        f"TraceState {_TEXT}",
        f"SpanName {_NAME}",
        f"SpanKind {_NAME}",
        f"ServiceName {_NAME}",
        *_RESOURCE,
        f"SpanAttributes {_ATTRIBUTES}",
        f"StatusCode {_NAME}",
        f"StatusMessage {_TEXT}",
        "`Events.Timestamp` Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1))",
        "`Events.Name` Array(LowCardinality(String)) CODEC(ZSTD(1))",
        "`Events.Attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1))",
        "`Links.TraceId` Array(String) CODEC(ZSTD(1))",
        "`Links.SpanId` Array(String) CODEC(ZSTD(1))",
        "`Links.TraceState` Array(String) CODEC(ZSTD(1))",
        "`Links.Attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1))",
        *_HOT,
        _hot("PeerService", "SpanAttributes", "peer.service", "server.address"),
        _hot("HttpStatus", "SpanAttributes", "http.response.status_code", "http.status_code"),
        _hot("DatabaseSystem", "SpanAttributes", "db.system.name", "db.system"),
    ),
    indexes=(
        _BY_TRACE,
        *_map_indexes("SpanAttributes", "span"),
        *_map_indexes("ResourceAttributes", "resource"),
        "duration Duration TYPE minmax GRANULARITY 1",
    ),
    day="toDate(Timestamp)",
    order="(Tenant, ServiceName, SpanName, toDateTime(Timestamp))",
    shard="cityHash64(TraceId)",
)
TRACE_TIMES = Table(
    name="trace_times",
    columns=(
        f"Tenant {_NAME}",
        f"TraceId {_TEXT}",
        f"Start {_TIME}",
        f"End {_TIME}",
    ),
    day="toDate(Start)",
    order="(Tenant, TraceId, Start)",
    shard="cityHash64(TraceId)",
)
MERGED_INDEXES = tuple(sorted({
    one.split()[0] for table in (LOGS, SPANS, REQUESTS) for one in table.indexes
    if " text(" not in one
}))  # fmt: skip
"""Indexes that a part gets when it is merged, and not when it is inserted: each costs files that
are forced to the disk, and a fresh part is small and read quickly without them."""


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema; each statement may run again, since a step may be cut short.

    Attributes:
        number: from 1, without gaps
        name: what it does
        statements: for where the tables are
    """

    number: int
    name: str
    statements: Callable[[Place], Sequence[str]]


def _first(place: Place) -> list[str]:
    times = (
        "SELECT Tenant, TraceId, min(Timestamp) AS Start, "  # noqa: S608 - names of ours
        "max(addNanoseconds(Timestamp, Duration)) AS End "
        f"FROM {place.local('spans')} WHERE TraceId != '' GROUP BY Tenant, TraceId"
    )
    return [
        *create(LOGS, place),
        *create(SPANS, place),
        *create(TRACE_TIMES, place),
        view("trace_times_of_spans", "trace_times", times, place),
    ]


REFUSED = Table(
    name="refused",
    columns=(
        f"Tenant {_NAME}",
        f"At {_TIME}",
        f"Signal {_NAME}",
        f"Reason {_NAME}",
        "Rows UInt64",
    ),
    day="toDate(At)",
    order="(Tenant, At)",
    shard="cityHash64(Tenant)",
)


def _merge_ten(place: Place) -> list[str]:
    """Merge ten parts at a time: merges of a few small parts write each row again and again."""
    return [
        f"ALTER TABLE {place.local(table)}{place.on_cluster} "
        "MODIFY SETTING min_parts_to_merge_at_once = 10, merge_selector_base = 10"
        for table in ("logs", "spans", "trace_times")
    ]


_OF_SERVICE = "cityHash64(Tenant, ServiceName)"
LOG_PATTERNS = Table(
    name="log_patterns",
    columns=(
        f"Tenant {_NAME}",
        f"ServiceName {_NAME}",
        f"Timestamp {_TIME}",
        f"Pattern {_NAME}",
        f"Level {_NAME}",
        "Lines UInt64 CODEC(ZSTD(1))",
        f"First {_TIME}",
        f"Last {_TIME}",
        "Round UInt64 CODEC(Delta(8), ZSTD(1))",
    ),
    day="toDate(Timestamp)",
    order="(Tenant, ServiceName, Timestamp)",
    shard=_OF_SERVICE,
)
LOG_MINED = Table(
    name="log_mined",
    columns=(
        f"Tenant {_NAME}",
        f"ServiceName {_NAME}",
        f"Timestamp {_TIME}",
        "Lines UInt64 CODEC(ZSTD(1))",
        "Round UInt64 CODEC(Delta(8), ZSTD(1))",
    ),
    day="toDate(Timestamp)",
    order="(Tenant, ServiceName, Timestamp)",
    shard=_OF_SERVICE,
)
LOG_TEMPLATES = Table(
    name="log_templates",
    columns=(
        f"Tenant {_NAME}",
        f"ServiceName {_NAME}",
        "Pattern String",
        f"Template {_TEXT}",
        f"Sample {_TEXT}",
        f"Created {_TIME}",
        f"At {_TIME}",
    ),
    day="toDate(At)",
    order="(Tenant, ServiceName, Pattern)",
    shard=_OF_SERVICE,
)


LOG_ANOMALIES = Table(
    name="log_anomalies",
    columns=(
        f"Tenant {_NAME}",
        f"ServiceName {_NAME}",
        f"Timestamp {_TIME}",
        "Pattern String",
        "Lines UInt64",
        "Usual Float64",
        "Low Float64",
        "High Float64",
        "Rarity Float64",
        "Season UInt32",
        f"At {_TIME}",
    ),
    day="toDate(Timestamp)",
    order="(Tenant, ServiceName, Timestamp)",
    shard=_OF_SERVICE,
)


def _patterns(place: Place) -> list[str]:
    tables = (LOG_PATTERNS, LOG_MINED, LOG_TEMPLATES)
    return [statement for table in tables for statement in create(table, place)]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "logs, spans and times of traces", _first),
    Migration(2, "refused records", lambda place: create(REFUSED, place)),
    Migration(3, "merge ten parts at a time", _merge_ten),
    Migration(4, "patterns of log lines", _patterns),
    Migration(5, "the request log and its counts by minute", request_log),
    Migration(6, "counts by consumer in one row, and in the order of consumers", by_consumer),
    Migration(7, "anomalies of log lines", lambda place: create(LOG_ANOMALIES, place)),
)
"""All steps, in their order. A step that is released is never changed: the next one corrects it."""
