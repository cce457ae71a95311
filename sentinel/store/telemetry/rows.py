"""Batches of logs and spans as Arrow tables, and their insertion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from sentinel.store.telemetry.client import ArrowTable, TelemetryClient
from sentinel.telemetry.batch import ArrowAttributes, Attributes, Batch

__all__ = ["arrow_of", "insert_batch", "insert_refused"]

_LOW = frozenset(
    {"SeverityText", "EventName", "SpanName", "SpanKind", "StatusCode", "StatusMessage"}
)
_MOST_OF_ONE = 64_000_000
"""Bytes of one insert, about: a large resource is written with each of its records."""
_ATTRIBUTES = {"logs": "LogAttributes", "spans": "SpanAttributes"}


def insert_batch(client: TelemetryClient, tenant: str, batch: Batch, token: str, now: int) -> None:
    """Insert the rows of a batch, and count those that are refused.

    Args:
        client: that writes
        tenant: whose rows they are
        batch: the rows
        token: of the batch; one that comes again is not written again
        now: nanoseconds since 1970

    Raises:
        TelemetryError: the store refuses them
        TelemetryUnavailable: it does not answer; the batch may be sent again
    """
    if batch.rows:
        table = arrow_of(tenant, batch)
        pieces = math.ceil(table.nbytes / _MOST_OF_ONE) or 1
        rows = math.ceil(table.num_rows / pieces)
        for piece in range(pieces):
            # Cut in the same way when it comes again, so that each piece is known by its own token.
            own = f"{token}-{piece}" if piece else token
            if (some := table.slice(piece * rows, rows)).num_rows:
                client.insert(batch.signal, some, own)
    if batch.refused:
        insert_refused(client, tenant, batch.signal, batch.refused, token, now)


def arrow_of(tenant: str, batch: Batch) -> ArrowTable:
    """Return the rows of a batch as the table has them.

    Args:
        tenant: whose rows they are
        batch: the rows

    Returns:
        An Arrow table.
    """
    pa: Any = import_module("pyarrow")
    number = len(batch.origin_of)
    texts, times = pa.string(), pa.timestamp("ns", "UTC")
    pairs = pa.map_(texts, texts)
    nested = {
        "Events.Timestamp": pa.list_(times),
        "Events.Attributes": pa.list_(pairs),
        "Links.Attributes": pa.list_(pairs),
    }
    kinds = {"ObservedTimestamp": times, "TraceFlags": pa.uint8(), "SeverityNumber": pa.uint8(),
             "Duration": pa.uint64()}  # fmt: skip
    columns: dict[str, Any] = {
        "Tenant": pa.DictionaryArray.from_arrays(pa.array([0] * number, pa.int32()), [tenant]),
        "Timestamp": pa.array(batch.times, times),
    }
    for name, values in batch.columns.items():
        if name.startswith(("Events.", "Links.")):
            kind = nested.get(name, pa.list_(texts))
            columns[name] = pa.array(values, kind)
        else:
            made = (
                values if isinstance(values, pa.Array) else pa.array(values, kinds.get(name, texts))
            )
            low = name in _LOW and not isinstance(made, pa.DictionaryArray)
            columns[name] = made.dictionary_encode() if low else made
    columns[_ATTRIBUTES[batch.signal]] = _map(pa, batch.attributes)
    of = pa.array(batch.origin_of, pa.int32())
    origins = batch.origins
    for name, found in {
        "ServiceName": [one.service for one in origins],
        "ResourceSchemaUrl": [one.schema_url for one in origins],
        "ScopeName": [one.name for one in origins],
        "ScopeVersion": [one.version for one in origins],
    }.items():
        # ClickHouse refuses a dictionary that has a value twice, as of two services' scopes.
        coded = pa.array(found, texts).dictionary_encode()
        columns[name] = pa.DictionaryArray.from_arrays(coded.indices.take(of), coded.dictionary)
    for name, maps in {
        "ResourceAttributes": [one.resource for one in origins],
        "ScopeAttributes": [one.scope for one in origins],
    }.items():
        columns[name] = pa.array(maps, pairs).take(of)
    table = pa.table(columns)
    return table if batch.keep is None else table.filter(pa.array(batch.keep))


def _map(pa: Any, attributes: Attributes | ArrowAttributes) -> Any:
    if isinstance(attributes, ArrowAttributes):
        starts = pa.array(attributes.starts, pa.int32())
        return pa.MapArray.from_arrays(starts, attributes.keys, attributes.values)
    return pa.MapArray.from_arrays(
        pa.array(attributes.offsets, pa.int32()),
        pa.array(attributes.names, pa.string()),
        pa.array(attributes.texts, pa.string()),
    )


def insert_refused(
    client: TelemetryClient,
    tenant: str,
    signal: str,
    refused: Mapping[str, int],
    token: str,
    now: int,
) -> None:
    """Count records that were refused.

    Args:
        client: that writes
        tenant: whose records they are
        signal: of the records
        refused: how many, by reason
        token: of their batch
        now: nanoseconds since 1970

    Raises:
        TelemetryError: the store refuses it
        TelemetryUnavailable: it does not answer; the batch may be sent again
    """
    pa: Any = import_module("pyarrow")
    number = len(refused)
    rows = {
        "Tenant": [tenant] * number,
        "At": pa.array([now] * number, pa.timestamp("ns", "UTC")),
        "Signal": [signal] * number,
        "Reason": list(refused),
        "Rows": pa.array(list(refused.values()), pa.uint64()),
    }
    client.insert("refused", pa.table(rows), token)
