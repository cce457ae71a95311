"""`sentinel log search`, `tail`, `facets`, `patterns`: lines that services send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from sentinel.cli import log_levels
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.telemetry_search import (
    Limit,
    QueryWords,
    Since,
    Tenant,
    Until,
    answer,
    asked_here,
    logs_here,
    patterns_here,
    say_query,
    searched,
    when,
)
from sentinel.printable import printable_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentinel.telemetry.answers import LogLineView, LogsFound, PatternsFound

__all__ = ["commands"]

commands = log_levels.commands
"""Those of log levels, and these."""
_RANKS = {"critical": 5, "error": 4, "warn": 3, "debug": 1, "trace": 1}
_EVERY = 2.0
"""Seconds between two requests of a tail."""


def _found(
    query: str, since: str, until: str, limit: int, tenant: str | None, *, tail: bool = False,
    cursor: str | None = None,
) -> LogsFound:  # fmt: skip
    from sentinel.client import telemetry
    from sentinel.telemetry.query import LOG_FIELDS

    def here() -> LogsFound:
        asked = asked_here(query, LOG_FIELDS, since, until, language="auto")
        answers = logs_here(tenant)
        return (answers.tail if tail else answers.found)(asked, limit, cursor)

    request = telemetry.tail if tail else telemetry.logs
    return answer(
        request(
            query, since=since, until=until, limit=limit, language="auto", tenant=tenant,
            cursor=cursor,
        ),
        here,
    )  # fmt: skip


@commands.command()
def search(
    query: QueryWords = None,
    since: Since = "1h",
    until: Until = "",
    limit: Limit = 100,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Search log lines, newest first; times are UTC.

    Plain words that begin with a verb are read too, and the query that they make is printed.

    Examples:
        sentinel log search 'level:>=error service:shop "connection refused"' --since 2h

        sentinel log search show me errors from database
    """
    found = _found(" ".join(query or ()), since, until, limit, tenant)
    if json:
        json_out(found.model_dump())
        return
    say_query(found.query, from_words=found.from_words)
    _print(found.lines)
    if found.next_cursor:
        say(f"There are more than these {len(found.lines)}: raise --limit, or narrow the time.")


@commands.command()
def tail(
    query: QueryWords = None,
    lines: Annotated[int, typer.Option("--lines", min=1, max=1_000, help="To begin with.")] = 20,
    follow: Annotated[
        bool, typer.Option(help="Go on with lines as they arrive, until Ctrl-C.")
    ] = True,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Print the newest log lines, then those that arrive; with --json, one object a line.

    Example:
        sentinel log tail level:>=warn service:shop
    """
    text = " ".join(query or ())
    cursor: str | None = None
    try:
        while True:
            found = _found(text, "1h", "", lines if cursor is None else 1_000, tenant, tail=True,
                           cursor=cursor)  # fmt: skip
            if cursor is None:
                say_query(found.query, from_words=found.from_words)
            for one in found.lines:
                say(_one(one, json=json))
            cursor = found.next_cursor
            if not follow:
                return
            time.sleep(_EVERY)
    except KeyboardInterrupt:
        return


@commands.command()
def facets(
    field: Annotated[
        str,
        typer.Argument(help="service, level, host, env, logger, event, or @attribute.",
                       show_default=False),
    ],
    query: QueryWords = None,
    since: Since = "1h",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Count the values of a field of log lines, the most frequent first.

    Example:
        sentinel log facets @http.route level:>=error --since 24h
    """
    from sentinel.client import telemetry
    from sentinel.telemetry.query import LOG_FIELDS

    text = " ".join(query or ())
    found = searched(
        telemetry.facet(
            field, text, since=since, until=until, limit=limit, language="auto", tenant=tenant
        ),
        lambda: asked_here(text, LOG_FIELDS, since, until, language="auto"),
        lambda asked: logs_here(tenant).facet(asked, field, limit),
    )
    if json:
        json_out(found.model_dump())
        return
    say_query(found.query, from_words=found.from_words)
    rows = [(one.value, f"{one.count:,}") for one in found.values]
    print_table((field, "Lines"), rows, empty="No line has it.")


@commands.command()
def patterns(
    service: Annotated[
        str, typer.Option(help="Whose lines. By default, of all.", show_default=False)
    ] = "",
    level: Annotated[
        str, typer.Option(help="Of the lines: error. By default, any.", show_default=False)
    ] = "",
    state: Annotated[
        Literal["all", "new", "vanished"],
        typer.Option(
            help="new: first seen in the time range; vanished: seen in one of the same length "
            "before it, and not in it."
        ),
    ] = "all",
    since: Since = "24h",
    until: Until = "",
    limit: Limit = 50,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Group log lines by the statement that writes them, those with most lines first.

    Lines are counted by whole minutes, some seconds after a minute has ended.

    Example:
        sentinel log patterns --state new --level error --since 2h
    """
    from sentinel.client import telemetry
    from sentinel.telemetry.query import LOG_FIELDS

    def here() -> PatternsFound:
        from sentinel.store.telemetry.log_patterns import patterns_found
        from sentinel.store.telemetry.reading import Period

        asked = asked_here("", LOG_FIELDS, since, until)
        return patterns_found(
            patterns_here(tenant), Period(asked.since, asked.until), service=service,
            level=level.strip().lower(), state=state, limit=limit,
        )  # fmt: skip

    found = answer(
        telemetry.patterns(
            service_name=service, level=level, state=state, since=since, until=until, limit=limit,
            tenant=tenant,
        ),
        here,
    )  # fmt: skip
    if json:
        json_out(found.model_dump())
        return
    print_table(
        ("Lines", "Before", "State", "Service", "Pattern"),
        [
            (f"{one.count:,}", f"{one.count_before:,}", one.state, one.service_name, one.template)
            for one in found.patterns
        ],
        empty="No pattern was found.",
        ranks=[max((_RANKS.get(name, 0) for name in one.levels), default=0)
               for one in found.patterns],
    )  # fmt: skip


def _print(lines: Sequence[LogLineView]) -> None:
    print_table(
        ("Time", "Level", "Service", "Message"),
        [(when(one.timestamp), one.level, one.service_name, one.message) for one in lines],
        empty="No line matches.", ranks=[_RANKS.get(one.level, 0) for one in lines],
    )  # fmt: skip


def _one(line: LogLineView, *, json: bool) -> str:
    if json:
        return printable_json(msgspec.json.encode(line.model_dump()).decode())
    return f"{when(line.timestamp)}  {line.level:<8}  {line.service_name}  {line.message}"
