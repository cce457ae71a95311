"""The tables of the request log: a row for each request, and counts of them by minute.

Two tables of counts answer most questions about many rows: one by endpoint, one by consumer. Each
has a row for each bucket of latencies, eight to an octave, so that percentiles are sums of counts
too: what they say is at most 4.5% off. Counts by consumer, of which there are many, have the
buckets of a minute, consumer and status in one row, as a map that the engine adds up.
"""

from __future__ import annotations

from sentinel.store.telemetry.ddl import Place, Table, create, view

__all__ = [
    "BUCKET",
    "BUCKETS_TO_AN_OCTAVE",
    "MAP_COUNTS",
    "MAP_KEYS",
    "REQUESTS",
    "by_consumer",
    "request_log",
]

_TIME = "DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))"
_TEXT = "String CODEC(ZSTD(1))"
_NAME = "LowCardinality(String) CODEC(ZSTD(1))"
_COUNT = "UInt64 CODEC(ZSTD(1))"
BUCKETS_TO_AN_OCTAVE = 8
BUCKET = f"toUInt16(round({BUCKETS_TO_AN_OCTAVE} * log2(greatest(1, Duration / 1000))))"
"""The bucket of a latency: eight times the logarithm to the base 2 of its microseconds."""

REQUESTS = Table(
    name="requests",
    columns=(
        f"Tenant {_NAME}",
        f"Timestamp {_TIME}",
        f"ServiceName {_NAME}",
        f"Consumer {_NAME}",
        f"KeyId {_NAME}",
        f"KeyPrefix {_NAME}",
        f"Plan {_NAME}",
        f"Method {_NAME}",
        f"Endpoint {_NAME}",
        f"Path {_TEXT}",
        "Status UInt16 CODEC(ZSTD(1))",
        f"Duration {_COUNT}",
        f"RequestBytes {_COUNT}",
        f"ResponseBytes {_COUNT}",
        f"TraceId {_TEXT}",
        f"Address {_NAME}",
        f"Agent {_NAME}",
        f"RefusedBy {_NAME}",
        "Headers Map(LowCardinality(String), String) CODEC(ZSTD(1))",
    ),
    indexes=(
        "request_trace TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
        "request_consumer Consumer TYPE bloom_filter(0.01) GRANULARITY 1",
        "request_key KeyId TYPE bloom_filter(0.01) GRANULARITY 1",
    ),
    day="toDate(Timestamp)",
    order="(Tenant, ServiceName, Timestamp)",
    shard="cityHash64(Tenant, ServiceName, Consumer)",
)
_SUMS = (
    f"Requests {_COUNT}", f"Refused {_COUNT}", f"RequestBytes {_COUNT}", f"ResponseBytes {_COUNT}",
)  # fmt: skip
_BY = {
    "usage_by_endpoint": ("Method", "Endpoint"),
    "usage_by_consumer": ("Consumer", "KeyId", "KeyPrefix", "Plan"),
}


def _counts(name: str) -> Table:
    return Table(
        name=name,
        columns=(
            f"Tenant {_NAME}",
            f"ServiceName {_NAME}",
            f"Timestamp {_TIME}",
            *(f"{one} {_NAME}" for one in _BY[name]),
            "Status UInt16 CODEC(ZSTD(1))",
            "Bucket UInt16 CODEC(ZSTD(1))",
            *_SUMS,
        ),
        day="toDate(Timestamp)",
        order=f"(Tenant, ServiceName, Timestamp, {', '.join(_BY[name])}, Status, Bucket)",
        shard="cityHash64(Tenant, ServiceName)",
        engine="SummingMergeTree",
    )


def request_log(place: Place) -> list[str]:
    """Return the statements that create the tables, and the views that count each batch."""
    made = create(REQUESTS, place)
    for name, by in _BY.items():
        keys = f"Tenant, ServiceName, Timestamp, {', '.join(by)}, Status, Bucket"
        select = (
            "SELECT Tenant, ServiceName, "  # noqa: S608 - names of ours
            "toDateTime64(toStartOfMinute(requests.Timestamp), 9, 'UTC') AS Timestamp, "
            f"{', '.join(by)}, Status, {BUCKET} AS Bucket, count() AS Requests, "
            "countIf(RefusedBy != '') AS Refused, sum(requests.RequestBytes) AS RequestBytes, "
            "sum(requests.ResponseBytes) AS ResponseBytes "
            f"FROM {place.local('requests')} AS requests GROUP BY {keys}"
        )
        made += [*create(_counts(name), place), view(f"{name}_of_requests", name, select, place)]
    return made


_MAP_TYPES = {"LatencyMap.Bucket": "Array(UInt16)", "LatencyMap.Count": "Array(UInt64)"}
"""The engine adds up the columns of a nested table whose name ends with `Map`."""
MAP_KEYS = "if(empty(`LatencyMap.Bucket`), [Bucket], `LatencyMap.Bucket`)"
"""Buckets of latencies of a row; rows from before the map have one bucket each."""
MAP_COUNTS = "if(empty(`LatencyMap.Bucket`), [Requests], `LatencyMap.Count`)"
_OF_ROWS = (
    "Tenant", "Consumer", "Timestamp", "ServiceName", "KeyId", "KeyPrefix", "Plan", "Method",
    "Endpoint", "Status", "Duration", "RequestBytes", "ResponseBytes", "Address", "Agent",
    "RefusedBy",
)  # fmt: skip
_OF_COUNTS = (
    "Tenant", "Consumer", "Timestamp", "ServiceName", "KeyId", "KeyPrefix", "Plan", "Status",
    "Bucket", "Requests", "Refused", "RequestBytes", "ResponseBytes", *_MAP_TYPES,
)  # fmt: skip


def by_consumer(place: Place) -> list[str]:
    """Return the statements after which questions about consumers read few rows.

    Counts by consumer get one row for all buckets; both tables get a projection in the order of
    consumers, so that a question about one reads the rows of that one. Each may run again.

    Args:
        place: where the tables are

    Returns:
        The statements.
    """
    name = "usage_by_consumer"
    columns = ", ".join(
        f"ADD COLUMN IF NOT EXISTS `{one}` {kind} CODEC(ZSTD(1))"
        for one, kind in _MAP_TYPES.items()
    )
    made = [f"ALTER TABLE {place.local(name)}{place.on_cluster} {columns}"]
    if place.cluster:
        plain = columns.replace(" CODEC(ZSTD(1))", "")
        made.append(f"ALTER TABLE {place.name(name)}{place.on_cluster} {plain}")
    by = ", ".join(_BY[name])
    made += [
        # The map has the sums of a group, so that a batch writes a row for each minute and status.
        f"ALTER TABLE {place.name(f'{name}_of_requests')}{place.on_cluster} MODIFY QUERY "  # noqa: S608 - names of ours
        "SELECT Tenant, ServiceName, "
        "toDateTime64(toStartOfMinute(requests.Timestamp), 9, 'UTC') AS Timestamp, "
        f"{by}, Status, toUInt16(0) AS Bucket, count() AS Requests, "
        "countIf(RefusedBy != '') AS Refused, sum(requests.RequestBytes) AS RequestBytes, "
        "sum(requests.ResponseBytes) AS ResponseBytes, "
        f"sumMap([{BUCKET.replace('Duration', 'requests.Duration')}], [toUInt64(1)]) AS latencies, "
        "latencies.1 AS `LatencyMap.Bucket`, latencies.2 AS `LatencyMap.Count` "
        f"FROM {place.local('requests')} AS requests "
        f"GROUP BY Tenant, ServiceName, Timestamp, {by}, Status, Bucket",
        # Rows that are added up leave the projection to be made anew of what remains.
        f"ALTER TABLE {place.local(name)}{place.on_cluster} "
        "MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild'",
    ]
    for table, kept in (("requests", _OF_ROWS), (name, _OF_COUNTS)):
        where = f"ALTER TABLE {place.local(table)}{place.on_cluster}"
        selected = ", ".join(f"`{one}`" for one in kept)
        made += [
            f"{where} ADD PROJECTION IF NOT EXISTS of_consumer "
            f"(SELECT {selected} ORDER BY Tenant, Consumer, Timestamp)",
            f"{where} MATERIALIZE PROJECTION of_consumer",
        ]
    return made
