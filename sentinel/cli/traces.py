"""`sentinel trace …`: search traces, show one as a waterfall, and figures of services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.telemetry_search import (
    Limit,
    QueryWords,
    Since,
    Tenant,
    Until,
    answer,
    asked_here,
    searched,
    traces_here,
    when,
)

if TYPE_CHECKING:
    from sentinel.telemetry.answers import SlowTraces, TracesFound

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="The traces that services send: search, waterfall, latency."
)


@commands.command()
def search(
    query: QueryWords = None,
    since: Since = "1h",
    until: Until = "",
    limit: Limit = 50,
    slowest: Annotated[
        bool, typer.Option("--slowest", help="Those that took longest, by their roots.")
    ] = False,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Search traces, newest first; times are UTC.

    Example:
        sentinel trace search 'service:shop status:error duration:>250ms' --since 2h
    """
    from sentinel.client import telemetry
    from sentinel.telemetry.query import SPAN_FIELDS

    text = " ".join(query or ())
    more = {"since": since, "until": until, "limit": limit, "tenant": tenant}
    found: TracesFound | SlowTraces
    if slowest:
        found = searched(
            telemetry.slow_traces(query=text, **more),
            lambda: asked_here(text, SPAN_FIELDS, since, until),
            lambda asked: traces_here(tenant).slow(asked, limit),
        )
    else:
        found = searched(
            telemetry.traces(text, **more),
            lambda: asked_here(text, SPAN_FIELDS, since, until),
            lambda asked: traces_here(tenant).found(asked, limit, None),
        )
    if json:
        json_out(found.model_dump())
        return
    print_table(
        ("Trace", "Time", "Service", "Operation", "Duration", "Spans", "Errors"),
        [
            (one.trace_id, when(one.start_time), one.service_name, one.operation_name,
             _ms(one.duration_ms), one.spans, one.errors)
            for one in found.traces
        ],
        empty="No trace matches.", ranks=[4 if one.errors else 0 for one in found.traces],
    )  # fmt: skip


@commands.command()
def show(
    trace: Annotated[str, typer.Argument(help="Id of the trace, in hex.", show_default=False)],
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Show one trace: its spans, each below its parent, with when it began and how long it took.

    Example:
        sentinel trace show 5b8efff798038103d269b633813fc60c
    """
    from sentinel.client import telemetry

    found = answer(telemetry.trace(trace, tenant=tenant), lambda: traces_here(tenant).trace(trace))
    if json:
        json_out(found.model_dump())
        return
    say(
        f"{found.trace_id}: {_ms(found.duration_ms)}, {len(found.spans)} spans, "
        f"{found.errors} errors, {', '.join(found.services)}"
    )
    print_table(
        ("Operation", "Service", "Offset", "Duration", "Own", "Status"),
        [
            (f"{'  ' * min(one.depth, 40)}{one.operation_name}", one.service_name,
             _ms(one.offset_ms), _ms(one.duration_ms), _ms(one.own_ms), one.status)
            for one in found.spans
        ],
        empty="It has no spans.",
        ranks=[4 if one.status == "Error" else 0 for one in found.spans],
    )  # fmt: skip
    if found.cut:
        say("It has more spans than are shown.")


@commands.command()
def stats(
    query: QueryWords = None,
    since: Since = "1h",
    until: Until = "",
    limit: Limit = 100,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Show rate, errors, P50, P95 and P99 by service and operation, most spans first.

    Example:
        sentinel trace stats service:shop --since 24h
    """
    from sentinel.client import telemetry
    from sentinel.telemetry.query import SPAN_FIELDS

    text = " ".join(query or ())
    found = searched(
        telemetry.latency(query=text, since=since, until=until, limit=limit, tenant=tenant),
        lambda: asked_here(text, SPAN_FIELDS, since, until),
        lambda asked: traces_here(tenant).latency(asked, limit),
    )
    if json:
        json_out(found.model_dump())
        return
    print_table(
        ("Service", "Operation", "Spans", "Requests", "Errors", "P50", "P95", "P99"),
        [
            (one.service_name, one.operation_name, f"{one.spans:,}", f"{one.per_second:.2f}/s",
             f"{100 * one.error_rate:.1f}%", _ms(one.p50_ms), _ms(one.p95_ms), _ms(one.p99_ms))
            for one in found.operations
        ],
        empty="No span matches.",
    )  # fmt: skip


def _ms(given: float) -> str:
    return f"{given:,.1f} ms"
