"""OTLP logs as columns.

A list comprehension for each field of a scope's records costs a third of a loop over them.
"""

from __future__ import annotations

from typing import Any

from sentinel.telemetry.attributes import text_of
from sentinel.telemetry.batch import Attributes, Batch
from sentinel.telemetry.otlp_origin import identifier, records_of
from sentinel.telemetry.times import ORIGINAL, place

__all__ = ["attributes_of", "logs_of"]


def logs_of(request: Any, *, now: int, oldest: int) -> Batch:
    """Return the log records of a request.

    Args:
        request: an `ExportLogsServiceRequest` message
        now: nanoseconds since 1970, the moment of arrival
        oldest: records from before it are refused, since they would be deleted at once

    Returns:
        All of them; those that are refused are counted by reason.

    Raises:
        TooLarge: there are too many, or they have too many attributes
    """
    records, origins, origins_of = records_of(request.resource_logs, "scope_logs", "log_records")
    observed = [one.observed_time_unix_nano for one in records]
    placed = place([one.time_unix_nano for one in records], observed, now, oldest)
    traces = [identifier(one.trace_id, 16) for one in records]
    spans = [identifier(one.span_id, 8) for one in records]
    batch = Batch(
        signal="logs",
        times=placed.times,
        columns={
            "ObservedTimestamp": place(observed, placed.times.tolist(), now, 0).times,
            "TraceId": traces,
            "SpanId": spans,
            "TraceFlags": [one.flags & 0xFF for one in records],
            "SeverityText": [one.severity_text for one in records],
            "SeverityNumber": [n if 0 <= (n := one.severity_number) < 25 else 0 for one in records],
            "Body": [(body := one.body).string_value or text_of(body) for one in records],
            "EventName": [one.event_name for one in records],
        },
        origins=origins,
        origin_of=origins_of,
        attributes=attributes_of(records, placed.moved),
    )  # fmt: skip
    batch.refuse(placed.late, "too_old")
    return batch


def attributes_of(records: list[Any], moved: Any) -> Attributes:
    """Return the attributes of records, with the sender's time of those that were moved.

    Args:
        records: `LogRecord` or `Span` messages
        moved: which of them, an array of booleans

    Returns:
        The attributes of each.
    """
    found = Attributes()
    names, texts, offsets = found.names, found.texts, found.offsets
    for record in records:
        for one in record.attributes:
            names.append(one.key)
            value = one.value
            texts.append(value.string_value or text_of(value))
        offsets.append(len(names))
    if not moved.any():
        return found
    again = Attributes()
    for index, record in enumerate(records):
        start, end = offsets[index], offsets[index + 1]
        pairs = list(zip(names[start:end], texts[start:end], strict=True))
        if moved[index]:
            pairs.append((ORIGINAL, str(getattr(record, _TIME[record.DESCRIPTOR.name]))))
        again.add(pairs)
    return again


_TIME = {"LogRecord": "time_unix_nano", "Span": "start_time_unix_nano"}
