"""Which span of an SLO's events a check counts anew. Pure.

Samples may arrive late, so the last minutes before the previous evaluation are counted again and
replace what is kept. What arrives later than that is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sentinel.metrics.series import MetricReader
from sentinel.slo.counts import Counts
from sentinel.slo.definition import (
    MeasuredIndicator,
    SloDefinition,
)
from sentinel.slo.indicators import MetricIndicator, counts_of_samples, minute_of
from sentinel.slo.port import SloPort
from sentinel.slo.windows import Span

__all__ = ["BACK", "LATE", "counted", "span_to_count"]

LATE = timedelta(minutes=15)
"""How late a sample, or the end of a run, may arrive."""
BACK = timedelta(days=30)
"""How far back the first evaluation counts, at most."""
_SLICE = timedelta(days=1)
"""Flow runs, spans and lines are counted so much at once; a slice is kept if a later one fails."""


def span_to_count(definition: SloDefinition, until: datetime | None, now: datetime) -> Span:
    """Return the span whose events are to be counted.

    Args:
        definition: of the SLO
        until: up to where they were counted before; None for the first time
        now: the present moment

    Returns:
        Whole minutes; the present one is not among them yet.
    """
    end = minute_of(now)
    longest = max(one.window.length(now) for one in definition.objectives)
    first = end - min(longest, BACK)
    if until is None:
        return Span(first, end)
    until = min(until, end)
    # After a long pause nothing is late any more, and what was counted may be kept as hours.
    return Span(max(first, until - LATE if end - until < timedelta(days=1) else until), end)


def counted(
    port: SloPort, name: str, metrics: MetricReader, now: datetime,
    elsewhere: Callable[[SloDefinition, Span], Counts],
) -> tuple[SloDefinition, Counts]:  # fmt: skip
    """Count the events of an SLO up to now, and keep them.

    Args:
        port: keeps SLOs
        name: of the SLO
        metrics: of its tenant
        now: the present moment
        elsewhere: returns the events of a span, of at most a day, where they are no metrics

    Returns:
        The definition, and all events. Flow runs, spans and log lines are counted a day at a time,
        the oldest first, and each day is kept before the next is asked for.

    Raises:
        NotFound: there is no such SLO
    """
    kept = port.kept(name)
    definition, counts, until, _ = kept
    indicator = definition.indicator
    if isinstance(indicator, MeasuredIndicator):
        return definition, counts
    span = span_to_count(definition, until, now)
    if span.start >= span.end:
        return definition, counts
    for part in [span] if isinstance(indicator, MetricIndicator) else _slices(span):
        new = (
            counts_of_samples(indicator, metrics, part.start, part.end)
            if isinstance(indicator, MetricIndicator)
            else elsewhere(definition, part)
        )
        port.replace(kept, part.start, part.end, new)
        counts = counts.replaced(part.start, part.end, new)
    return definition, counts


def _slices(span: Span) -> Iterator[Span]:
    start = span.start
    while start < span.end:
        end = min(start + _SLICE, span.end)
        yield Span(start, end)
        start = end
