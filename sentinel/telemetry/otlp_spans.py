"""OTLP spans as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from sentinel.telemetry.attributes import pairs_of
from sentinel.telemetry.batch import Batch
from sentinel.telemetry.bounds import MOST_ATTRIBUTES, bounded
from sentinel.telemetry.otlp_logs import attributes_of
from sentinel.telemetry.otlp_origin import identifier, records_of
from sentinel.telemetry.times import place

__all__ = ["KINDS", "LONGEST", "STATUSES", "events_of", "links_of", "spans_of"]

KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
"""Words of `SpanKind`, by its numbers."""
STATUSES = ("Unset", "Ok", "Error")
"""Words of the code of `Status`, by its numbers."""
_LATEST = 2**63 - 1
LONGEST = 10 * 365 * 86_400 * 10**9
"""Ten years: what ends later than moments can say would begin before 1970."""
_EVENTS = ("Events.Timestamp", "Events.Name", "Events.Attributes")
_LINKS = ("Links.TraceId", "Links.SpanId", "Links.TraceState", "Links.Attributes")
_NOTHING: list[Any] = []


def spans_of(request: Any, *, now: int, oldest: int) -> Batch:
    """Return the spans of a request.

    Args:
        request: an `ExportTraceServiceRequest` message
        now: nanoseconds since 1970, the moment of arrival
        oldest: spans that began before it are refused, since they would be deleted at once

    Returns:
        All of them; those that are refused are counted by reason.

    Raises:
        TooLarge: there are too many, or they have too many attributes
    """
    spans, origins, origins_of = records_of(request.resource_spans, "scope_spans", "spans")
    starts = [one.start_time_unix_nano for one in spans]
    ends = [one.end_time_unix_nano for one in spans]
    placed = place(starts, ends, now, oldest)
    traces = [identifier(one.trace_id, 16) for one in spans]
    ids = [identifier(one.span_id, 8) for one in spans]
    status = [one.status for one in spans]
    batch = Batch(
        signal="spans",
        times=placed.times,
        columns={
            "Duration": [min(max(0, end - start), LONGEST) if start else 0
                         for start, end in zip(starts, ends, strict=True)],
            "TraceId": traces,
            "SpanId": ids,
            "ParentSpanId": [identifier(one.parent_span_id, 8) for one in spans],
            "TraceState": [one.trace_state for one in spans],
            "SpanName": [one.name for one in spans],
            "SpanKind": [_word(KINDS, one.kind) for one in spans],
            "StatusCode": [_word(STATUSES, one.code) for one in status],
            "StatusMessage": [one.message for one in status],
            **events_of([list(found) if (found := one.events) else _NOTHING for one in spans]),
            **links_of([list(found) if (found := one.links) else _NOTHING for one in spans]),
        },
        origins=origins,
        origin_of=origins_of,
        attributes=attributes_of(spans, placed.moved),
    )  # fmt: skip
    named = [bool(trace and span) for trace, span in zip(traces, ids, strict=True)]
    batch.refuse(~np.fromiter(named, np.bool_, len(named)), "no_id")
    batch.refuse(placed.late, "too_old")
    return batch


def events_of(of_all: list[list[Any]]) -> dict[str, Any]:
    """Return the columns of events.

    Args:
        of_all: the events of each span, as messages

    Returns:
        The columns by name, with a list for each span.

    Raises:
        TooLarge: there are too many
    """
    bounded(sum(map(len, of_all)), MOST_ATTRIBUTES, "events")
    if not any(of_all):
        return dict.fromkeys(_EVENTS, of_all)
    return {
        "Events.Timestamp": [[min(x.time_unix_nano, _LATEST) for x in one] for one in of_all],
        "Events.Name": [[x.name for x in one] for one in of_all],
        "Events.Attributes": [[pairs_of(x.attributes) for x in one] for one in of_all],
    }


def links_of(of_all: list[list[Any]]) -> dict[str, Any]:
    """Return the columns of links; see `events_of`.

    Returns:
        The columns by name, with a list for each span.

    Raises:
        TooLarge: there are too many
    """
    bounded(sum(map(len, of_all)), MOST_ATTRIBUTES, "links")
    if not any(of_all):
        return dict.fromkeys(_LINKS, of_all)
    return {
        "Links.TraceId": [[identifier(x.trace_id, 16) for x in one] for one in of_all],
        "Links.SpanId": [[identifier(x.span_id, 8) for x in one] for one in of_all],
        "Links.TraceState": [[x.trace_state for x in one] for one in of_all],
        "Links.Attributes": [[pairs_of(x.attributes) for x in one] for one in of_all],
    }


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if 0 <= number < len(words) else words[0]
