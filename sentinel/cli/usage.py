"""`sentinel requests usage|top|rising|endpoints|quotas|consumer`: what the request log says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import settings_here
from sentinel.cli.telemetry_search import (
    QueryWords,
    Since,
    Tenant,
    Until,
    answer,
    asked_here,
    searched,
    when,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentinel.api_usage.answers import FiguresView, UsageGroup
    from sentinel.store.telemetry.usage_answers import UsageAnswers
    from sentinel.telemetry.asked import Asked

__all__ = ["add_to"]

_WAIT_SECONDS = 60.0
_DAY = 86_400 * 10**9
By = Annotated[
    Literal[
        "service", "consumer", "key", "plan", "method", "endpoint", "status", "address", "agent",
        "refused",
    ],
    typer.Option(help="Field whose values are compared."),
]  # fmt: skip
Most = Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most so many.")]
Least = Annotated[int, typer.Option(min=1, help="Requests below which a value says nothing.")]


def add_to(commands: typer.Typer) -> None:
    """Add the commands to `sentinel requests`."""
    for command in (usage, top, rising, endpoints, quotas, consumer):
        commands.command()(command)


def usage(
    query: QueryWords = None, since: Since = "15m", until: Until = "", tenant: Tenant = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Show requests a second, errors and latency of a period.

    Example:
        sentinel requests usage service:shop --since 1h
    """
    from sentinel.client import usage as calls

    text = " ".join(query or ())
    found = searched(
        calls.over_time(text, since=since, until=until, parts=60, tenant=tenant),
        lambda: _asked(text, since, until),
        lambda asked: _here(tenant).usage(asked, 60),
    )
    if json:
        json_out(found.model_dump())
        return
    print_table(("", *_HEADINGS), [("All", *_cells(found.total))], empty="")


def top(
    query: QueryWords = None, by: By = "consumer", since: Since = "1h", until: Until = "",
    order: Annotated[
        Literal["requests", "errors", "client_errors", "refused", "p95_ms", "response_bytes"],
        typer.Option(help="Figure by which they are sorted."),
    ] = "requests",
    limit: Most = 20, tenant: Tenant = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Show usage by consumer, endpoint, status or another field, those with most first.

    Example:
        sentinel requests top --by endpoint --order p95_ms --since 1d
    """
    from sentinel.client import usage as calls

    text = " ".join(query or ())
    found = searched(
        calls.top(by, text, since=since, until=until, order=order, limit=limit, tenant=tenant),
        lambda: _asked(text, since, until),
        lambda asked: _here(tenant).top(asked, by, order, limit),
    )
    if json:
        json_out(found.model_dump())
        return
    _print_groups(by.capitalize(), found.groups)


def rising(
    query: QueryWords = None, by: By = "consumer", since: Since = "1h", until: Until = "",
    least: Least = 50, limit: Most = 20, tenant: Tenant = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Show what has more requests than in the period of the same length before.

    Example:
        sentinel requests rising --by endpoint --since 1h
    """
    from sentinel.client import usage as calls

    text = " ".join(query or ())
    found = searched(
        calls.rising(by, text, since=since, until=until, least=least, limit=limit, tenant=tenant),
        lambda: _asked(text, since, until),
        lambda asked: _here(tenant).rising(asked, by, least, limit),
    )
    if json:
        json_out(found.model_dump())
        return
    print_table(
        (by.capitalize(), "Requests", "Before"),
        [(one.value, f"{one.requests:,}", f"{one.before:,}") for one in found.rises],
        empty="Nothing rises.",
    )


def endpoints(
    query: QueryWords = None, since: Since = "1d", until: Until = "",
    history: Annotated[str, typer.Option(help="How long before is looked at.")] = "14d",
    known: Annotated[
        list[str] | None,
        typer.Option(help="A route that there is, such as 'GET /orders/{id}'; repeatable.",
                     show_default=False),
    ] = None,
    least: Least = 10, tenant: Tenant = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Show endpoints that are new, and those that nobody asks for any more.

    Example:
        sentinel requests endpoints service:shop --since 1d --history 30d
    """
    from sentinel.client import usage as calls
    from sentinel.duration import parse_duration

    text = " ".join(query or ())
    length = int(parse_duration(history).total_seconds()) * 10**9
    found = searched(
        calls.endpoints(text, since=since, until=until, history=history, known=known or None,
                        least=least, tenant=tenant),
        lambda: _asked(text, since, until),
        lambda asked: _here(tenant).endpoints(asked, min(length, 90 * _DAY), known or (), least),
    )  # fmt: skip
    if json:
        json_out(found.model_dump())
        return
    print_table(
        ("Endpoint", "State", "Requests", "Last"),
        [
            (one.endpoint, one.state, f"{one.requests:,}", when(one.last) if one.last else "never")
            for one in found.changes
        ],
        empty="No endpoint is new or dead.",
    )


def quotas(
    limit: Annotated[
        str, typer.Argument(help="A quota by key or user, such as '10_000 per month quota by key'.")
    ],
    tenant: Tenant = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Show what keys have used of a quota, and when it will be used up.

    Example:
        sentinel requests quotas '10_000 per month quota by key plan free'
    """
    from sentinel.client import usage as calls
    from sentinel.telemetry.asked import nanoseconds_of

    found = answer(
        calls.quotas(limit, tenant=tenant),
        lambda: _here(tenant).quotas(limit, nanoseconds_of(datetime.now(UTC))),
    )
    if json:
        json_out(found.model_dump())
        return
    print_table(
        ("Key", "Requests", "Share", "Until"),
        [
            (one.value, f"{one.used:,}", f"{one.share:.0%}",
             when(one.reached) if one.reached else one.why or f"not before {when(found.end)}")
            for one in found.quotas
        ],
        empty="No key has requests.",
    )  # fmt: skip


def consumer(
    name: Annotated[str, typer.Argument(help="The consumer, in the words of the API.")],
    since: Since = "1d", until: Until = "", tenant: Tenant = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Show what one consumer does: endpoints, statuses, keys and networks.

    Example:
        sentinel requests consumer user-7 --since 7d
    """
    from sentinel.client import usage as calls

    found = searched(
        calls.consumer(name, since=since, until=until, tenant=tenant),
        lambda: _asked("", since, until),
        lambda asked: _here(tenant).consumer(name, asked, 60),
    )
    if json:
        json_out(found.model_dump())
        return
    if not found.total.requests:
        say(f"No request of {name} matches.")
        return
    print_table(("", *_HEADINGS), [("All", *_cells(found.total))], empty="")
    for title, groups in (
        ("Endpoint", found.endpoints), ("Status", found.statuses), ("Key", found.keys),
        ("Address", found.addresses),
    ):  # fmt: skip
        if groups:
            say("")
            _print_groups(title, groups)


def _here(tenant: str | None) -> UsageAnswers:
    from sentinel.store.telemetry.client import telemetry_client
    from sentinel.store.telemetry.usage_answers import UsageAnswers

    return UsageAnswers(telemetry_client(settings_here(), wait=_WAIT_SECONDS), tenant or "default")


def _asked(text: str, since: str, until: str) -> Asked:
    from sentinel.telemetry.query import REQUEST_FIELDS

    return asked_here(text, REQUEST_FIELDS, since, until)


_HEADINGS = ("Requests", "A second", "Errors", "p50", "p95", "p99")


def _cells(one: FiguresView) -> tuple[str, ...]:
    of = (one.p50_ms, one.p95_ms, one.p99_ms)
    latencies = (f"{ms:,.1f} ms" if one.requests else "–" for ms in of)
    return f"{one.requests:,}", f"{one.per_second:,.2f}", f"{one.error_rate:.1%}", *latencies


def _print_groups(title: str, groups: Sequence[UsageGroup]) -> None:
    print_table(
        (title, *_HEADINGS), [(one.value, *_cells(one)) for one in groups],
        empty="No request matches.",
    )  # fmt: skip
